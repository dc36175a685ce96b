"""IRT-Router (Song et al. 2025, arXiv 2506.01048), written anew from its description. Needs numpy and torch.

P(right) by item-response models of a query's vector. MIRT: sigmoid(a(q) . theta(e) - b(q)); NIRT: a small network on
relevance(q) x (theta(e) - b(q)) x a(q), where difficulty and relevance have a dimension per trait. There, an expert's
theta comes from a text about it; here it is free, as each expert has outcomes. Their warm-up of queries that are new
is left out.
"""

import numpy as np
import torch
from joblist import Job, main
from run_papers import Base, unit
from torch import nn

TRAITS, EPOCHS, RATE, PATIENCE = 25, 60, 2e-3, 5


class MIRT(nn.Module):
    def __init__(self, width: int, experts: int) -> None:
        super().__init__()
        self.theta = nn.Embedding(experts, TRAITS)
        self.a, self.b = nn.Linear(width, TRAITS), nn.Linear(width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.a(x) @ self.theta.weight.T - self.b(x)


class NIRT(nn.Module):
    def __init__(self, width: int, experts: int) -> None:
        super().__init__()
        self.theta = nn.Embedding(experts, TRAITS)
        self.a, self.b, self.relevance = nn.Linear(width, 1), nn.Linear(width, TRAITS), nn.Linear(width, TRAITS)
        self.out = nn.Sequential(nn.Linear(TRAITS, 64), nn.Tanh(), nn.Linear(64, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gap = torch.sigmoid(self.theta.weight)[None] - torch.sigmoid(self.b(x))[:, None]
        told = torch.sigmoid(self.relevance(x))[:, None] * gap * torch.sigmoid(self.a(x))[:, None]
        return self.out(told).squeeze(-1)


class IRT(Base):
    """An item-response head; a tenth of what is known says when to stop."""

    head: type[nn.Module] = MIRT

    def fit(self, job: Job) -> None:
        torch.manual_seed(0)
        x, y = torch.tensor(unit(job.vectors)).float(), torch.tensor(job.scores).float()
        held = torch.arange(len(x)) % 10 == 0
        self.model = self.head(x.shape[1], y.shape[1])
        optimiser, loss_of = torch.optim.Adam(self.model.parameters(), lr=RATE), nn.BCEWithLogitsLoss()
        best, kept, waited = np.inf, None, 0
        for _ in range(EPOCHS):
            for rows in torch.randperm(int((~held).sum())).split(64):
                optimiser.zero_grad()
                loss_of(self.model(x[~held][rows]), y[~held][rows]).backward()
                optimiser.step()
            with torch.no_grad():
                loss = float(loss_of(self.model(x[held]), y[held]))
            if loss < best:
                best, waited = loss, 0
                kept = {name: value.clone() for name, value in self.model.state_dict().items()}
            elif (waited := waited + 1) > PATIENCE:
                break
        self.model.load_state_dict(kept)

    def predict(self, vectors: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return torch.sigmoid(self.model(torch.tensor(unit(vectors)).float())).numpy()


class NeuralIRT(IRT):
    head = NIRT


if __name__ == "__main__":
    main({"irt-mirt": IRT, "irt-nirt": NeuralIRT})
