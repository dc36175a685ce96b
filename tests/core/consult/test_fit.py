import json
from dataclasses import replace

import numpy as np
import pytest

from leeroo.consult.fit import fit, log_likelihood
from leeroo.consult.likelihood import Likelihood, vector_of
from leeroo.consult.model import ConsultModel, Trait, logits, sigmoid
from leeroo.consult.observed import UNKNOWN, Observed, from_records, observe
from leeroo.errors import ConfigError
from tests.core.consult.reference import simulate

NAMES = ("a", "b", "c")
TRUTH = ConsultModel(
    slope=1.6, spread=2.0, concentration=0.2, tilt=0.3, traits={"a": Trait(0.5, 1.0), "b": Trait(-0.5, 1.0, 0.3)}
)


def drawn(queries, *, seed=0, known=True):
    rng = np.random.default_rng(seed)
    quality = rng.uniform(0.2, 0.9, (queries, 3))
    cases = [next(simulate(TRUTH, row, NAMES, 1, rng)) for row in quality]
    right = np.array([k if known else UNKNOWN for _, k in cases])
    return Observed(NAMES, quality, np.array([s for s, _ in cases]), right, np.zeros(queries, dtype=np.int64))


def again(queries, rho, *, seed=0, known=True, certainty=0.0):
    """Outcomes of a and b, a asked three times; where there is a certainty, b's answers come with log-probabilities."""
    rng, truth = np.random.default_rng(seed), replace(TRUTH, repeat_correlation=rho)
    names, of = ("a", "b", "a", "a"), (0, 1, 0, 0)
    quality = rng.uniform(0.3, 0.9, (queries, 2))[:, [0, 1, 0, 0]]
    surplus = np.full((queries, 4), np.nan)
    surplus[:, 1] = rng.normal(0, 1, queries) if certainty else np.nan
    moved = np.where(np.isnan(surplus), 0.0, np.clip(certainty * np.nan_to_num(surplus), -1, 1))
    shifted = sigmoid(logits(quality) + moved / truth.slope)
    cases = [next(simulate(truth, row, names, 1, rng, of=of)) for row in shifted]
    right = np.array([k if known else UNKNOWN for _, k in cases])
    clusters = np.array([s for s, _ in cases])
    return Observed(names, quality, clusters, right, np.zeros(queries, dtype=np.int64), surplus)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("alternatives", [0, 4])
@pytest.mark.parametrize("draws", [1, 3])
def test_the_gradient_is_the_slope(known, alternatives, draws):
    some = drawn(30, known=known) if draws == 1 else again(30, 0.4, known=known, certainty=0.6)
    some = Observed(some.names, some.quality, some.clusters, some.right, np.full(30, alternatives), some.surplus)
    likelihood = Likelihood(some)
    x = vector_of(TRUTH, likelihood.names)
    x = x + np.random.default_rng(1).normal(0, 0.1, len(x))
    slope = [(likelihood(x + 1e-5 * e)[0] - likelihood(x - 1e-5 * e)[0]) / 2e-5 for e in np.eye(len(x))]
    assert likelihood(x)[1] == pytest.approx(slope, abs=1e-4)


@pytest.mark.parametrize("rho", [0.1, 0.8])
@pytest.mark.parametrize("known", [True, False])
def test_how_far_an_expert_repeats_itself_is_found_from_draws_of_it(rho, known):
    found = fit(again(400, rho, known=known))
    assert found.repeated == 400
    assert found.model.repeat_correlation == pytest.approx(rho, abs=0.12)


def test_without_draws_of_the_same_expert_the_correlation_stays():
    found = fit(drawn(100), replace(ConsultModel(), repeat_correlation=0.3, certainty=0.1))
    assert (found.repeated, found.certain) == (0, 0)
    assert (found.model.repeat_correlation, found.model.certainty) == (0.3, 0.1)


@pytest.mark.parametrize("certainty", [0.05, 0.6])
def test_what_a_log_probability_is_worth_is_found_from_answers_that_had_one(certainty):
    found = fit(again(1200, 0.5, certainty=certainty))
    assert found.certain > 900
    assert found.model.certainty == pytest.approx(certainty, abs=0.15)


def test_a_few_log_probabilities_leave_the_certainty_near_its_default():
    assert fit(again(10, 0.5, certainty=0.9)).model.certainty == pytest.approx(ConsultModel().certainty, abs=0.2)


def test_draws_and_surpluses_are_read_from_records():
    asks = [
        {"expert": "a", "cluster": 0, "surplus": -0.4},
        {"expert": "b", "cluster": 1},
        {"expert": "a", "cluster": None},
    ]
    record = {"call_id": "1", "expert": "a", "candidates": [], "consult": {"asks": asks}}
    found = from_records([record], {"1": 1.0})
    assert found.names == ("a", "a", "b")
    assert found.clusters.tolist() == [[0, -1, 1]]
    assert found.right.tolist() == [0]
    assert found.surplus[0, 0] == -0.4
    assert np.isnan(found.surplus[0, 1:]).all()
    assert (found.repeated, found.certain) == (1, 1)


def test_a_few_hundred_outcomes_bring_the_model_near():
    found, unseen = fit(drawn(300)), drawn(1000, seed=1)
    assert found.log_likelihood > found.before
    gap = log_likelihood(TRUTH, unseen) - log_likelihood(ConsultModel(), unseen)
    assert log_likelihood(TRUTH, unseen) - log_likelihood(found.model, unseen) < 0.5 * gap
    assert found.model.traits["a"].bias > found.model.traits["b"].bias
    assert found.model.traits["b"].abstention > 0.15


def test_clusters_alone_teach_too():
    found = fit(drawn(600, known=False))
    assert found.log_likelihood > found.before


def test_five_outcomes_do_little():
    assert fit(drawn(5)).model.slope == pytest.approx(ConsultModel().slope, abs=0.3)


def test_nothing_to_fit_on():
    with pytest.raises(ConfigError, match="no outcomes"):
        fit(drawn(5).take(np.array([], dtype=np.int64)))


def test_contradictory_grades_are_left_out():
    scores = np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [1.0, np.nan, 0.0]])
    answers = [["A", "A", "B"], ["A", "A", None], ["A", "A", "C"]]
    found, rows = observe(NAMES, np.full((3, 3), 0.5), answers, scores, [None, 3, None])
    assert rows.tolist() == [1, 2]
    assert found.clusters.tolist() == [[0, 0, -1], [0, -2, 1]]
    assert found.right.tolist() == [0, 0]
    assert found.alternatives.tolist() == [3, 0]


def test_models_are_kept_in_files(tmp_path):
    TRUTH.write(tmp_path / "model.json")
    assert ConsultModel.read(tmp_path / "model.json") == TRUTH


@pytest.mark.parametrize(
    "content",
    ["[]", "{", '{"slop": 1}', '{"slope": "x"}', '{"slope": -1}', '{"traits": {"a": [1]}}', '{"spread": NaN}'],
)
def test_files_that_are_no_model(tmp_path, content):
    path = tmp_path / "model.json"
    path.write_text(content)
    with pytest.raises(ConfigError):
        ConsultModel.read(path)
    with pytest.raises(ConfigError, match="no such file"):
        ConsultModel.read(tmp_path / "other.json")
    assert json.dumps(ConsultModel().to_dict())


def test_records_of_calls_teach_without_their_texts():
    def record(call_id, expert, **clusters):
        asks = [{"expert": name, "cost": 0.0, "cluster": cluster} for name, cluster in clusters.items()]
        candidates = [{"expert": name, "quality": 0.6} for name in NAMES]
        return {"call_id": call_id, "expert": expert, "candidates": candidates, "consult": {"asks": asks}}

    records = [record("one", "a", a=0, b=0), record("two", "c", a=0, b=None, c=1), record("alone", "a", a=0)]
    found = from_records([*records, {"call_id": "plain"}], {"two": 1.0, "one": 0.0})
    assert found.clusters.tolist() == [[0, 0, -2], [0, -1, 1]]
    assert found.right.tolist() == [UNKNOWN, 1]
    assert found.quality[0].tolist() == [0.6, 0.6, 0.5]
    assert fit(found).queries == 2
