import re
from copy import copy

import numpy as np
import pytest

from leeroo.prediction.kinds import Kinds, from_place
from leeroo.training.abilities import fit_abilities
from leeroo.training.everyday import everyday
from leeroo.training.kinds import fit_kinds
from leeroo.training.placing import TableScores, completed

WIDTH, WORDS = 12, 4


def toy(seed=0, queries=400):
    """Two topics told apart by the vector: half of the experts are good at the one, half at the other."""
    rng = np.random.default_rng(seed)
    topic = rng.integers(0, 2, queries)
    vectors = rng.normal(0, 0.3, (queries, WIDTH + WORDS)).astype(np.float32)
    vectors[:, 0] += 2 * topic - 1
    chance = np.where(topic[:, None] == np.arange(6) % 2, 0.9, 0.2)
    return vectors, topic, (rng.random((queries, 6)) < chance).astype(np.float64)


@pytest.fixture(scope="module")
def fitted():
    vectors, topic, scores = toy()
    table = TableScores("toy", np.arange(300), np.arange(6), scores[:300])
    arrays, settings = fit_kinds(vectors, [table], [f"expert-{i}" for i in range(6)], {}, width=WIDTH, count=60)
    return Kinds(arrays, {**settings, "doubt": {}}), vectors, topic


def test_who_is_good_at_what_is_learned(fitted):
    kinds, vectors, topic = fitted
    x = kinds.scaled(vectors[300:])
    likeness = kinds.likeness(x, np.zeros(100, np.float32))
    loadings = np.stack([kinds.known(f"expert-{i}").values for i in range(6)])
    quality = kinds.quality(x, likeness, loadings)
    mine = topic[300:, None] == np.arange(6) % 2
    assert quality[mine].mean() > 0.75
    assert quality[~mine].mean() < 0.35


def test_one_query_is_predicted_as_many_are(fitted):
    kinds, vectors, _ = fitted
    loadings = np.stack([kinds.known(f"expert-{i}").values for i in range(6)])

    def ask(some):
        x = kinds.scaled(some)
        return kinds.quality(x, kinds.likeness(x, np.zeros(len(x), np.float32)), loadings)

    alone = np.concatenate([ask(vectors[i : i + 1]) for i in range(300, 305)])
    assert np.allclose(ask(vectors[300:305]), alone, atol=1e-5)


def test_unknown_cells_are_filled_between_0_and_1_and_known_ones_stay():
    scores = np.array([[1.0, np.nan, 0.0], [np.nan, 1.0, 0.0], [1.0, 1.0, np.nan]])
    filled = completed(scores)
    known = ~np.isnan(scores)
    assert (filled[known] == scores[known]).all()
    assert ((filled >= 0) & (filled <= 1)).all()
    assert filled[2, 2] < filled[0, 1]


def test_an_expert_with_few_outcomes_is_near_what_is_known_from_elsewhere():
    vectors, _, scores = toy()
    some = scores.copy()
    some[2:, 5] = np.nan
    some[:2, 5] = 0.0
    table = TableScores("toy", np.arange(400), np.arange(6), some)
    arrays, settings = fit_kinds(vectors, [table], [f"expert-{i}" for i in range(6)], {}, width=WIDTH, count=60)
    kinds = Kinds(arrays, {**settings, "doubt": {}})
    assert kinds.known("expert-5").values[0, 0] > 0.15  # two wrong answers do not make it the worst of all


def test_work_with_tools_is_likelier_where_tools_are_bound_and_hardly_where_none_are(fitted):
    kinds, vectors, _ = fitted
    two = copy(kinds)
    two._a, two.names = {**kinds._a, "kinds_discriminant": np.zeros((WIDTH + WORDS + 1, 2))}, ("bfcl", "exam")
    x, near = kinds.scaled(vectors[:3]), np.zeros(3, np.float32)
    shares = [two.likeness(x, near, tools)[:, 0] for tools in (None, [True] * 3, [False] * 3)]
    assert np.allclose(shares[0], 0.5)
    assert (shares[1] > 0.7).all()
    assert (shares[2] < 0.05).all()
    assert np.allclose(two.likeness(x, near, [True, False, True]).sum(axis=1), 1)


def test_no_model_is_taken_to_lie_beyond_those_of_a_kind():
    rng = np.random.default_rng(0)
    arrays = {
        "kinds_from_place": rng.normal(size=(2, 4, 3)),
        "kinds_level": rng.normal(size=(2, 4)),
        "kinds_level_scale": np.array([[0.0, 1.0], [0.5, 2.0]]),
        "kinds_range": np.array([[[0.0, -1, -2], [1, 1, 2]]] * 2),
    }
    found = from_place(rng.normal(0, 50, (20, 3)).astype(np.float32), arrays)
    assert found.shape == (2, 20, 3)
    assert ((found[:, :, 0] >= 0) & (found[:, :, 0] <= 1)).all()
    assert np.abs(found[:, :, 1]).max() == 1
    assert np.abs(found[:, :, 2]).max() == 2
    linear = from_place(np.zeros((1, 3), np.float32), {"kinds_from_place": arrays["kinds_from_place"]})
    assert np.allclose(linear[:, 0], arrays["kinds_from_place"][:, 0], atol=1e-6)


def test_models_of_one_table_alone_do_not_bend_the_space():
    rng = np.random.default_rng(1)
    ability = rng.normal(size=60)
    scores = 1 / (1 + np.exp(-(ability[:, None] + rng.normal(0, 0.2, (60, 6)))))
    scores[30:, :5] = np.nan  # half of the models have scores on the sixth alone, and there they are odd
    scores[30:, 5] = rng.random(30)
    found = fit_abilities([str(i) for i in range(60)], scores, list("abcdef"), np.ones((60, 1)))
    own, odd = np.abs(found.loading[:5, 2:]).mean(), np.abs(found.loading[5, 2:]).max()
    assert found.loading[5, 1] > 0
    assert odd < 0.5
    assert own < 0.5


def test_a_request_like_none_of_the_kinds_is_like_all_of_them_alike(fitted):
    kinds, vectors, _ = fitted
    x, near = kinds.scaled(vectors[:2]), np.zeros(2, np.float32)
    three = copy(kinds)
    told = np.zeros((WIDTH + WORDS + 1, 3), np.float32)
    told[-1] = [9, 0, 0]
    three._a, three.names = {**kinds._a, "kinds_discriminant": told}, ("exam", "chat")
    assert np.allclose(three.likeness(x, near), [[1, 0]] * 2, atol=1e-3)
    told[-1] = [9, 0, 99]  # the last says that it is of no kind
    assert np.allclose(three.likeness(x, near), 0.5, atol=1e-3)
    assert np.allclose(three.likeness(x, near + 1), 0.5)


def test_everyday_requests_are_told_from_the_kinds_of_the_tables():
    vectors, topic, scores = toy()
    tables = [TableScores(f"topic-{k}", np.flatnonzero(topic == k), np.arange(6), scores[topic == k]) for k in (0, 1)]
    usual = np.random.default_rng(1).normal(0, 0.3, (40, WIDTH + WORDS)).astype(np.float32)
    usual[:, 1] += 2
    models = [f"expert-{i}" for i in range(6)]
    arrays, settings = fit_kinds(vectors, tables, models, {}, width=WIDTH, everyday=usual[:20], count=60)
    kinds = Kinds(arrays, {**settings, "doubt": {}})
    new = kinds.likeness(kinds.scaled(usual[20:]), np.zeros(20, np.float32))
    assert np.abs(new - 0.5).max() < 0.1
    own = kinds.likeness(kinds.scaled(vectors), np.zeros(len(vectors), np.float32))[np.arange(len(vectors)), topic]
    assert own.mean() > 0.9


def test_what_is_everyday_is_written_in_many_scripts_and_nowhere_twice():
    found = everyday()
    assert len(found) == len(set(found)) >= 300
    for letters in ("\u4e00-\u9fff", "\uac00-\ud7a3", "\u0600-\u06ff", "\u0900-\u097f", "\u0400-\u04ff", "äöå"):
        assert sum(bool(re.search(f"[{letters}]", text)) for text in found) >= 10
