"""semantic-router: routing by topic. A route is a topic of the table, with known queries as its utterances.

The topic that it finds stands for the mean score that each expert had on the known queries of that topic.
"""

from typing import Any

import numpy as np
from joblist import Job, main
from semantic_router import IndexedRouter, Route
from semantic_router.encoders import DenseEncoder

UTTERANCES = 60
"""Per topic."""
PRIOR = 5.0
"""Known queries' worth of an expert's overall mean that a topic's mean leans on."""


class Given(DenseEncoder):
    """Our vectors, looked up."""

    name: str = "given"
    vector_of: dict[str, Any]

    def __call__(self, docs: list[Any]) -> list[list[float]]:
        return [self.vector_of[text] for text in docs]


class Topics:
    """Its indexed router, and a table of experts by topic."""

    def fit(self, job: Job) -> None:
        rng = np.random.default_rng(0)
        domains, overall = np.array(job.domains), job.scores.mean(axis=0)
        known = {text: vector.tolist() for text, vector in zip(job.queries, job.vectors, strict=True)}
        asked = {text: vector.tolist() for text, vector in zip(job.asked, job.asked_vectors, strict=True)}
        self.mean_of, routes = {}, []
        for domain in sorted(set(job.domains)):
            here = np.flatnonzero(domains == domain)
            self.mean_of[domain] = (job.scores[here].sum(axis=0) + PRIOR * overall) / (len(here) + PRIOR)
            said = rng.choice(here, min(UTTERANCES, len(here)), replace=False)
            routes.append(Route(name=domain, utterances=sorted({job.queries[i] for i in said})))
        self.router = IndexedRouter(encoder=Given(vector_of=known | asked), routes=routes)

    def decide(self, job: Job, i: int) -> Any:
        return self.router(job.asked[i]).name

    def qualities(self, job: Job) -> np.ndarray:
        return np.array([self.mean_of[self.decide(job, i)] for i in range(len(job.asked))])


if __name__ == "__main__":
    main({"semantic-router": Topics})
