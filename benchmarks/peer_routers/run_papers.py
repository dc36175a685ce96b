"""A router of a paper, written anew from its description, and the simplest choices there are. Needs numpy and no more.

Avengers-Pro (Zhang et al. 2025, arXiv 2508.12631): k-means on queries' vectors, 60 clusters; what an expert is worth on
a query is its mean score in the 4 clusters nearest to it.
"""

import numpy as np
from joblist import Job, main

CLUSTERS, NEAREST = 60, 4


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
    main({"avengers-pro": Clusters, "knn": Nearest, "cheapest": Cheapest, "best": Best})
