"""RouteLLM: its matrix factorisation, trained here by its own program's classes and settings, with our vectors.

What it ships needs weights from a hub and OpenAI's embeddings; the classes do not. It knows two models: the strong one
is the best of the known outcomes, the weak one the cheapest of the pool. Other experts are never chosen.
"""

import contextlib
import io
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault("OPENAI_API_KEY", "unused")  # it makes a client when it is imported

import numpy as np
import torch
from joblist import Job, main
from routellm.routers.matrix_factorization import model as theirs
from routellm.routers.matrix_factorization import train_matrix_factorization as training

DIM, BATCH, EPOCHS, ALPHA, RATE, DECAY = 128, 64, 100, 0.1, 3e-4, 1e-5
STRONG, WEAK = "gpt-4-1106-preview", "mixtral-8x7b-instruct-v0.1"
"""Names of its table of models that stand for ours."""
NEVER = -1e9


class MatrixFactorisation:
    """Its `mf` router."""

    def fit(self, job: Job) -> None:
        torch.manual_seed(0)
        self.strong, self.weak = int(job.scores.mean(axis=0).argmax()), 0
        self.vector_of = dict(zip(job.asked, job.asked_vectors, strict=True))
        better = np.sign(job.scores[:, self.strong] - job.scores[:, self.weak])
        pairs = [
            {"model_a": STRONG, "model_b": WEAK, "winner": "model_a" if better[i] > 0 else "model_b", "idx": int(i)}
            for i in np.flatnonzero(better)
        ]
        width = job.vectors.shape[1]
        with tempfile.TemporaryDirectory() as folder:
            np.save(Path(folder) / "vectors.npy", job.vectors)
            net = training.MFModel_Train(
                dim=DIM, num_models=len(theirs.MODEL_IDS), num_prompts=len(job.vectors), text_dim=width,
                npy_path=Path(folder) / "vectors.npy",
            )  # fmt: skip
        if pairs:
            held = max(1, len(pairs) // 20)
            train = training.PairwiseDataset(pairs[held:] or pairs).get_dataloaders(BATCH)
            test = training.PairwiseDataset(pairs[:held]).get_dataloaders(1024, shuffle=False)
            with contextlib.redirect_stderr(io.StringIO()):
                training.train_loops(net, train, test, lr=RATE, weight_decay=DECAY, alpha=ALPHA, num_epochs=EPOCHS,
                                     device="cpu", evaluator=_evaluated)  # fmt: skip
        self.model = theirs.MFModel(DIM, len(theirs.MODEL_IDS), width, 1, True).eval()
        self.model.load_state_dict(
            {
                "P.weight": net.P.weight,
                "text_proj.0.weight": net.text_proj.weight,
                "classifier.0.weight": net.classifier.weight,
            }
        )
        theirs.OPENAI_CLIENT = SimpleNamespace(embeddings=SimpleNamespace(create=self._embedded))

    def _embedded(self, *, input: list[str], model: str) -> object:
        return SimpleNamespace(data=[SimpleNamespace(embedding=self.vector_of[input[0]].tolist())])

    def decide(self, job: Job, i: int) -> object:
        rate = self.model.pred_win_rate(theirs.MODEL_IDS[STRONG], theirs.MODEL_IDS[WEAK], job.asked[i])
        return self.strong if rate >= 0.5 else self.weak

    def qualities(self, job: Job) -> np.ndarray:
        found = np.full((len(job.asked), len(job.experts)), NEVER)
        for i, text in enumerate(job.asked):
            rate = self.model.pred_win_rate(theirs.MODEL_IDS[STRONG], theirs.MODEL_IDS[WEAK], text)
            found[i, self.weak], found[i, self.strong] = 1 - rate, rate
        return found


def _evaluated(net: torch.nn.Module, test: object, device: str) -> tuple[float, float]:
    """Its own evaluator fails on one last pair, whose logit has no dimension; nothing depends on what it says."""
    return 0.0, 0.0


if __name__ == "__main__":
    main({"routellm-mf": MatrixFactorisation})
