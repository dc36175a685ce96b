import numpy as np
import pytest

from leeroo.prediction.kinds import Kinds
from leeroo.training.kinds import fit_kinds
from leeroo.training.placing import TableScores

WIDTH, WORDS = 8, 2
WORDY = np.array([50.0, 100.0, 400.0])
"""Tokens that three experts write of a short question; of a long one three times as many."""


def tables(seed=0):
    """Two kinds of work: one with lengths of the experts 0, 1 and 2, one that nothing but scores is known of."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(0, 0.3, (400, WIDTH + WORDS)).astype(np.float32)
    long = rng.random(400) < 0.5
    vectors[:, 0] += np.where(long, 1.0, -1.0)
    vectors[200:, 1] += 4.0  # another kind of work
    scores = (rng.random((400, 4)) < 0.6).astype(np.float64)
    tokens = WORDY * np.where(long[:200, None], 3.0, 1.0) * np.exp(rng.normal(0, 0.1, (200, 3)))
    tokens[rng.random(tokens.shape) < 0.2] = np.nan
    told = TableScores("told", np.arange(200), np.arange(3), scores[:200, :3], tokens)
    silent = TableScores("silent", np.arange(200, 400), np.arange(4), scores[200:], np.full((200, 4), np.nan))
    return vectors, long, [told, silent]


@pytest.fixture(scope="module")
def fitted():
    vectors, long, both = tables()
    arrays, settings = fit_kinds(vectors, both, [f"expert-{i}" for i in range(4)], {}, width=WIDTH, count=60)
    return Kinds(arrays, {**settings, "doubt": {}}), vectors, long


def expected(kinds, vectors, experts):
    x = kinds.scaled(vectors)
    told = [kinds.known(f"expert-{i}") for i in experts]
    likeness = kinds.likeness(x, np.zeros(len(x), np.float32))
    return kinds.answers(x, likeness, np.stack([t.values for t in told]), np.stack([t.lengths for t in told]))[1]


def test_lengths_follow_the_expert_and_the_query(fitted):
    kinds, vectors, long = fitted
    tokens = expected(kinds, vectors[:200], range(3))
    for told, factor in ((long[:200], 3.0), (~long[:200], 1.0)):
        assert tokens[told].mean(axis=0) == pytest.approx(factor * WORDY, rel=0.25)


def test_a_kind_without_lengths_borrows_them_from_the_others(fitted):
    kinds, vectors, _ = fitted
    tokens = expected(kinds, vectors[200:], range(4))
    assert (tokens[:, 0] < tokens[:, 1]).all()
    assert (tokens[:, 1] < tokens[:, 2]).all()
    assert 50 < tokens[:, 3].mean() < 1200  # nobody has seen an answer of it: as the others' are


def test_a_model_that_is_only_placed_writes_as_much_as_others_do(fitted):
    kinds, vectors, _ = fitted
    stranger = kinds.placed(kinds.known("expert-0").place, "price", "")
    x = kinds.scaled(vectors[:200])
    likeness = kinds.likeness(x, np.zeros(len(x), np.float32))
    tokens = kinds.answers(x, likeness, stranger.values[None], stranger.lengths[None])[1]
    assert 50 < tokens.mean() < 1200


def test_an_expert_that_rambles_now_and_then_is_expected_to_write_what_it_writes_in_the_mean():
    vectors, _, (told, silent) = tables()
    rng = np.random.default_rng(1)
    tokens = told.tokens.copy()
    tokens[:, 1] = np.where(rng.random(200) < 0.1, 6000.0, 60.0)
    table = TableScores(told.name, told.rows, told.models, told.scores, tokens)
    arrays, settings = fit_kinds(vectors, [table, silent], [f"expert-{i}" for i in range(4)], {}, width=WIDTH, count=60)
    found = expected(Kinds(arrays, {**settings, "doubt": {}}), vectors[:200], range(3))
    assert found[:, 1].mean() == pytest.approx(tokens[:, 1].mean(), rel=0.3)
    assert found[:, 0].mean() == pytest.approx(np.nanmean(tokens[:, 0]), rel=0.3)  # and nobody else pays for it


def test_one_query_is_told_as_many_are(fitted):
    kinds, vectors, _ = fitted
    alone = np.concatenate([expected(kinds, vectors[i : i + 1], range(3)) for i in range(4)])
    assert np.allclose(expected(kinds, vectors[:4], range(3)), alone, rtol=1e-4)


def test_without_any_lengths_nothing_is_said_of_them():
    vectors, _, both = tables()
    silent = [TableScores(t.name, t.rows, t.models, t.scores) for t in both]
    arrays, settings = fit_kinds(vectors, silent, [f"expert-{i}" for i in range(4)], {}, width=WIDTH, count=60)
    kinds = Kinds(arrays, {**settings, "doubt": {}})
    assert kinds.lengths is None
    x = kinds.scaled(vectors[:5])
    likeness = kinds.likeness(x, np.zeros(5, np.float32))
    assert kinds.answers(x, likeness, kinds.known("expert-0").values[None], None)[1].shape == (5, 0)
