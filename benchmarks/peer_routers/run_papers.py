"""Routers of papers, written anew from their descriptions, and the simplest choices there are. Needs numpy and torch.

IRT-Router (Song et al. 2025, arXiv 2506.01048) predicts P(right) by item-response models of a query's vector. MIRT:
sigmoid(a(q) . theta(e) - b(q)); NIRT: a small network on relevance(q) x (theta(e) - b(q)) x a(q), where difficulty and
relevance have a dimension per trait. There, an expert's theta comes from a text about it; here it is free, as each
expert has outcomes. Their warm-up of queries that are new is left out.

Avengers-Pro (Zhang et al. 2025, arXiv 2508.12631): k-means on queries' vectors, 60 clusters; what an expert is worth on
a query is its mean score in the 4 clusters nearest to it.
"""

import numpy as np
import torch
from joblist import Job, main
from torch import nn

CLUSTERS, NEAREST = 60, 4
TRAITS, EPOCHS, RATE, PATIENCE = 25, 60, 2e-3, 5


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


class Base:
    """One decision is one row of predictions."""

    def decide(self, job: Job, i: int) -> object:
        return int(self.predict(job.asked_vectors[i : i + 1])[0].argmax())

    def qualities(self, job: Job) -> np.ndarray:
        return self.predict(job.asked_vectors)

    def predict(self, vectors: np.ndarray) -> np.ndarray:
        raise NotImplementedError


class Clusters(Base):
    """Avengers-Pro's scores by cluster."""

    def fit(self, job: Job) -> None:
        rng, x = np.random.default_rng(0), unit(job.vectors)
        count = min(CLUSTERS, len(x) // 2)
        self.centres = x[rng.choice(len(x), count, replace=False)]
        for _ in range(40):
            label = (x @ self.centres.T).argmax(axis=1)
            sums = np.zeros_like(self.centres)
            np.add.at(sums, label, x)
            self.centres = unit(np.where(np.linalg.norm(sums, axis=1, keepdims=True) > 0, sums, self.centres))
        label = (x @ self.centres.T).argmax(axis=1)
        overall = job.scores.mean(axis=0)
        self.scores = np.array(
            [(job.scores[label == c].sum(axis=0) + overall) / ((label == c).sum() + 1) for c in range(count)]
        )

    def predict(self, vectors: np.ndarray) -> np.ndarray:
        near = np.argsort(-(unit(vectors) @ self.centres.T), axis=1)[:, :NEAREST]
        return self.scores[near].mean(axis=1)


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


class Nearest(Base):
    """Mean scores of the 60 nearest known queries; an expert's overall mean counts as 5 more."""

    def fit(self, job: Job) -> None:
        self.x, self.y = unit(job.vectors), job.scores

    def predict(self, vectors: np.ndarray) -> np.ndarray:
        k = min(60, len(self.x))
        near = np.argpartition(unit(vectors) @ self.x.T, -k, axis=1)[:, -k:]
        return (self.y[near].sum(axis=1) + 5 * self.y.mean(axis=0)) / (k + 5)


class Cheapest(Base):
    """Always the cheapest: experts stand in that order."""

    def fit(self, job: Job) -> None:
        self.row = np.where(np.arange(len(job.experts)) == 0, 0.0, -1e9)

    def predict(self, vectors: np.ndarray) -> np.ndarray:
        return np.tile(self.row, (len(vectors), 1))


class Best(Base):
    """Always the expert with the best mean; where money says otherwise, the next best."""

    def fit(self, job: Job) -> None:
        self.row = job.scores.mean(axis=0)

    def predict(self, vectors: np.ndarray) -> np.ndarray:
        return np.tile(self.row, (len(vectors), 1))


if __name__ == "__main__":
    main(
        {
            "irt-mirt": IRT, "irt-nirt": NeuralIRT, "avengers-pro": Clusters, "knn": Nearest, "cheapest": Cheapest,
            "best": Best,
        }
    )  # fmt: skip
