import numpy as np
import pytest

import leeroo
from leeroo.errors import ConfigError
from leeroo.prediction import load
from leeroo.selfplay import updating
from leeroo.selfplay.posterior import prior
from leeroo.selfplay.settings import Settings

PRICE = leeroo.Price(input=1, output=1)


def expert(name, **given):
    return leeroo.Expert(model=f"openai:{name}", name=name, price=PRICE, **given)


def test_what_the_pool_file_says_is_known_from_the_start(artifact, tmp_path):
    pool = leeroo.Pool({"x": expert("x", traits="one"), "y": expert("y", benchmark={"mmlu": 0.9}), "z": expert("z")})
    known = load(updating.starting(load(artifact), pool, tmp_path / "a", forget=False)).known
    assert {(e.name, e.source) for e in known if e.table == "added"} == {("x", "learned"), ("y", "benchmark")}
    plain = [expert(name) for name in "xyz"]
    quality = load(tmp_path / "a").predict(["What is the first word?"], plain).quality[0]
    assert quality[1] > quality[2] + 0.2


def test_a_run_may_begin_as_if_its_experts_were_new(artifact, tmp_path):
    pool = leeroo.Pool({"one": expert("one"), "x": expert("x", traits="one")})
    known = load(updating.starting(load(artifact), pool, tmp_path / "a", forget=True)).known
    assert [e.name for e in known] == ["two"]


def test_an_expert_that_is_known_from_many_outcomes_is_doubted_less(artifact):
    inputs = np.random.default_rng(0).normal(size=(50, 9))
    made = load(artifact).artifact
    new, old = prior(made, expert("new"), inputs), prior(made, expert("one"), inputs)
    assert np.trace(new.cov) == pytest.approx(np.trace(old.cov), rel=0.01)  # it was learned from no outcome
    many = made.without([0]).with_expert(
        type(made.experts[0])("one", "added", 100), {k: made.arrays[k][0] for k in updating.EXPERT_ARRAYS}
    )
    assert np.trace(prior(many, expert("one"), inputs).cov) < 0.5 * np.trace(new.cov)


@pytest.mark.parametrize(
    ("given", "message"),
    [({"rounds": 0}, "rounds is 0"), ({"share": 1.5}, "share is 1.5"), ({"learning": "slow"}, "quick or full")],
)
def test_settings_out_of_range(given, message):
    with pytest.raises(ConfigError, match=message):
        Settings(**given)
