"""A table whose truth is known, and a response model fitted on it; vectors are made from the texts, no encoder runs."""

import hashlib

import numpy as np
import pytest

from leeroo.evaluation import refit
from leeroo.prediction.artifact import Artifact, KnownExpert
from leeroo.prediction.response import ResponsePredictor
from leeroo.training.corpus import Corpus
from leeroo.training.population import fit_response, linear_traits
from tests.core.tables import table_of

EXPERTS = ("left", "right", "both", "little")
DOMAINS = ("north", "south", "east")


def vectors_of(queries):
    """Eight numbers a query; the first says which of two experts can answer it, the second its domain."""
    rows = []
    for query in queries:
        rng = np.random.default_rng(int(hashlib.sha256(query.encode()).hexdigest()[:8], 16))
        row = rng.normal(size=8).astype(np.float32)
        row[1] = 2.0 * next((i for i, name in enumerate(DOMAINS) if name in query), 0) + row[1] / 4
        rows.append(row)
    return np.array(rows, dtype=np.float32).reshape(-1, 8)


def make_table(folder, name="made", count=450):
    rng = np.random.default_rng(0)
    queries = tuple(f"{DOMAINS[i % 3]} question {i} of {name}" for i in range(count))
    side = vectors_of(queries)[:, 0] > 0
    chance = np.stack([np.where(side, 0.1, 0.9), np.where(side, 0.9, 0.1), np.full(count, 0.9), np.full(count, 0.2)], 1)
    shape = (count, 4)
    domains, prices = [query.split()[0] for query in queries], [[1, 1], [1, 1], [10, 10], [0.5, 0.5]]
    scores, tokens = rng.random(shape) < chance, rng.integers(20, 60, size=shape)
    table = table_of(name, queries, domains, EXPERTS, prices, scores, tokens)
    table.write(folder / name)
    return folder / name


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return make_table(tmp_path_factory.mktemp("tables"))


@pytest.fixture(scope="session")
def fitted(folder):
    """The response model of the table, on linear traits."""
    corpus = Corpus.read([folder])
    vectors, train = vectors_of(corpus.queries), corpus.parts == "train"
    project, bias = linear_traits(vectors[train], 8)
    found = fit_response(corpus, vectors, train, corpus.parts == "validation", project, bias, activation="linear")
    experts = tuple(KnownExpert(name=name, table="made", outcomes=int(train.sum())) for name in EXPERTS)
    return Artifact(folder, experts, found.arrays, {**found.settings, "max_length": 8})


@pytest.fixture
def predictor(fitted, monkeypatch):
    """Encodes with `vectors_of`, here and in the studies."""
    found = ResponsePredictor(fitted)
    monkeypatch.setattr(found, "predict", lambda queries, experts: found.predict_vectors(vectors_of(queries), experts))
    monkeypatch.setattr(refit, "plain_vectors", lambda queries, **_: vectors_of(queries))
    monkeypatch.setattr(refit, "predictor_vectors", lambda queries, _, **__: vectors_of(queries))
    return found
