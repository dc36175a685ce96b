from dataclasses import replace

import numpy as np
import pytest

from leeroo.errors import ConfigError
from leeroo.outcomes.table import OutcomeTable
from leeroo.pool.experts import Expert
from leeroo.pool.prices import Price
from leeroo.prediction import load
from leeroo.prediction.artifact import SHIPPED
from leeroo.prediction.response import ResponsePredictor
from leeroo.training import traits


def expert(name, **kwargs):
    return Expert(model=name, name=name, price=Price(input=1, output=1), **kwargs)


def test_nothing_known_gives_the_population(trained):
    artifact = load(trained[1]).artifact  # without what is known of kinds of work: there the price says something
    settings = {key: value for key, value in artifact.settings.items() if key != "kinds"}
    predictor = ResponsePredictor(replace(artifact, settings=settings))
    fitted = traits.fit(predictor)
    assert fitted.source == "prior"
    np.testing.assert_allclose(fitted.ability, predictor.artifact.arrays["population_mean"][:-1], atol=1e-6)
    added = predictor.with_experts({"fresh": fitted.arrays()})
    same = added.predict(["court judge"], [expert("fresh"), expert("unheard-of")])
    assert same.sources == ("learned", "prior")
    np.testing.assert_allclose(same.quality[0, 0], same.quality[0, 1], atol=1e-4)


def test_a_benchmark_score_sets_the_level(trained):
    predictor = load(trained[1])
    low, high = (traits.fit(predictor, benchmark=score) for score in (0.2, 0.8))
    assert low.source == "benchmark"
    assert low.prior == pytest.approx(0.2, abs=0.02)
    assert high.prior == pytest.approx(0.8, abs=0.02)


def test_outcomes_teach_what_the_expert_is_good_at(trained, table_dir, tmp_path):
    table = OutcomeTable.read(table_dir)
    rows = [(q, float(s), 33.0) for q, s in zip(table.queries[:60], table.scores[:60, 1], strict=True)]
    fitted = traits.add_expert(trained[1], "second-lawyer", rows, tmp_path)
    assert fitted.outcomes == 60
    predictor = load(tmp_path)
    found = predictor.predict(["court appeal contract judge", "prime root integral sum"], [expert("second-lawyer")])
    assert found.quality[0, 0] > found.quality[1, 0] + 0.2
    assert found.sources == ("learned",)
    assert any(e.name == "second-lawyer" and e.outcomes == 60 for e in predictor.known)
    again = traits.add_expert(tmp_path, "second-lawyer", [], tmp_path)
    assert again.source == "prior"
    assert sum(e.name == "second-lawyer" for e in load(tmp_path).known) == 1


def test_traits_travel_in_a_small_file_that_fits_its_predictor_only(trained, tmp_path):
    predictor = load(trained[1])
    traits.save_traits(tmp_path / "t.json", predictor, {"x": traits.fit(predictor, benchmark=0.4)})
    read = traits.read_traits(tmp_path / "t.json", predictor)
    assert read["x"].prior == pytest.approx(0.4, abs=0.02)
    text = (tmp_path / "t.json").read_text()
    (tmp_path / "other.json").write_text(text.replace('"space": "', '"space": "0'))
    with pytest.raises(ConfigError, match="another predictor"):
        traits.read_traits(tmp_path / "other.json", predictor)
    (tmp_path / "bad.json").write_text("[]")
    with pytest.raises(ConfigError, match="not a file of experts' traits"):
        traits.read_traits(tmp_path / "bad.json", predictor)


@pytest.mark.parametrize(
    ("queries", "scores", "published", "message"),
    [
        (["a"], [], None, "one score"),
        (["a"], [2.0], None, "between 0 and 1"),
        (["a"], [float("nan")], None, "between 0 and 1"),
        ([], [], 61, "0.61, not 61"),
    ],
)
def test_wrong_numbers_are_refused(trained, queries, scores, published, message):
    with pytest.raises(ConfigError, match=message):
        traits.fit(load(trained[1]), queries, scores, benchmark=published)


def test_a_published_score_in_percent_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"'mine' is 61; scores are between 0 and 1 \(0.61, not 61\)"):
        traits.add_expert(SHIPPED, "mine", [], tmp_path / "new", benchmark=61)
    assert not (tmp_path / "new").exists()


def test_what_the_user_taught_is_told_of_an_expert(tmp_path):
    rows = [(f"What is {i} + {i}?", float(i % 2)) for i in range(30)]
    for name in ("my-own-llm", "my-gpt5-prod"):
        traits.add_expert(SHIPPED, name, rows, tmp_path / name)
        where = {"base_url": "https://x.openai.azure.com", "price": Price(input=1, output=2)}
        expert = Expert(model=f"azure_openai:{name}", name="e", **where)
        assert load(tmp_path / name).tell([expert]) == [("learned", "30 outcomes of its own")]
        assert load(tmp_path / name).predict(["Hi"], [expert]).grounds == ("30 outcomes of its own",)
    (told,) = load().tell([expert])
    assert told[1].endswith("outcomes of gpt-5")


def test_outcomes_of_ones_own_start_from_what_is_known_and_move_it():
    predictor = load()
    asked = [f"What is {i} + {i + 3}?" for i in range(40)]
    own = expert("gpt-5-nano")
    known = predictor.predict(asked[:5], [own]).quality
    nothing = traits.fit(predictor, expert=own)
    right, wrong = (traits.fit(predictor, asked, [score] * 40, expert=own) for score in (1.0, 0.0))
    few = traits.fit(predictor, asked[:3], [0.0] * 3, expert=own)

    def told(fitted):
        return predictor.with_experts({"gpt-5-nano": fitted.arrays()}).predict(asked[:5], [own]).quality

    np.testing.assert_allclose(told(nothing), known, atol=1e-5)
    assert (told(wrong) < told(few) - 0.05).all()
    assert (told(few) < known).all()
    assert (told(right) >= known - 0.01).all()


def test_an_expert_taught_twice_starts_anew_and_its_rows_stay_its_own(trained, table_dir, tmp_path):
    table = OutcomeTable.read(table_dir)
    rows = [(q, float(s)) for q, s in zip(table.queries[:40], table.scores[:40, 0], strict=True)]
    traits.add_expert(trained[1], "first", rows, tmp_path)
    traits.add_expert(tmp_path, "second", [], tmp_path)
    before = load(tmp_path).artifact
    traits.add_expert(tmp_path, "first", rows, tmp_path)
    after = load(tmp_path).artifact
    column = {name: [e.name for e in after.experts].index(name) for name in ("first", "second")}
    assert [e.name for e in after.experts][-1] == "first"
    np.testing.assert_allclose(after.own(column["second"]), before.own(len(before.experts) - 1))
    np.testing.assert_allclose(after.own(column["first"]), before.own(len(before.experts) - 2), atol=1e-5)
    assert after.own(0) is None
    assert after.without([column["second"]]).own(column["first"] - 1) is not None


def test_an_expert_taught_by_an_older_leeroo_keeps_what_the_response_model_says(trained, tmp_path):
    predictor = load(trained[1])
    values = {k: v for k, v in traits.fit(predictor, benchmark=0.8).arrays().items() if k != "own_loading"}
    old = predictor.with_experts({"mine": values})
    assert old.artifact.own(len(old.artifact.experts) - 1) is None
    plain = replace(old.artifact, settings={k: v for k, v in old.artifact.settings.items() if k != "kinds"})
    asked = ["court appeal contract judge"]
    expected = ResponsePredictor(plain).predict(asked, [expert("mine")]).quality
    np.testing.assert_allclose(old.predict(asked, [expert("mine")]).quality, expected)
