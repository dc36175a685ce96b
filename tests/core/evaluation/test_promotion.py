"""A candidate is promoted only when it predicts held-out outcomes no worse."""

from dataclasses import replace

import numpy as np
import pytest

from leeroo.errors import ConfigError
from leeroo.evaluation.promotion import judge, promote
from leeroo.outcomes.table import OutcomeTable
from leeroo.prediction import load
from leeroo.prediction.artifact import read_artifact, write_artifact
from leeroo.prediction.versions import Versions


@pytest.fixture
def held_out(table_dir):
    table = OutcomeTable.read(table_dir)
    return table.take(table.parts() != "train")


@pytest.fixture
def other(trained, tmp_path):
    """A copy of the trained artifact whose levels are moved: `other("worse", 3.0)`."""

    def made(name, step):
        artifact = read_artifact(trained[1])
        arrays = {**artifact.arrays, "bias": artifact.arrays["bias"] + np.float32(step)}
        arrays["kinds_loading"] = arrays["kinds_loading"].copy()
        arrays["kinds_loading"][:, :, 0] += np.float32(0.1 * step)
        return write_artifact(replace(artifact, arrays=arrays), tmp_path / name)

    return made


def test_better_goes_into_use_and_worse_stays_back(trained, other, held_out, tmp_path):
    versions = Versions(tmp_path / "store")
    worse, better = other("worse", 3.0), trained[1]
    first = promote(versions, worse, held_out)
    assert first.promoted
    assert first.before is None
    second = promote(versions, better, held_out, note="trained well")
    assert second.promoted
    assert second.loss < second.before == pytest.approx(first.loss)
    assert "in use" in second.reason
    assert second.version.parent == first.version.id
    third = promote(versions, other("worse again", -3.0), held_out)
    assert not third.promoted
    assert third.loss > third.before
    assert "kept back" in third.reason
    assert versions.current() == second.version
    assert len(versions.all()) == 3
    assert versions.back() == first.version


def test_slack_is_how_much_worse_is_let_through(trained, other, held_out, tmp_path):
    versions = Versions(tmp_path / "store")
    promote(versions, trained[1], held_out)
    loss = promote(versions, other("a little", 0.3), held_out)
    assert not loss.promoted
    again = promote(versions, other("the same", 0.3), held_out, slack=loss.loss - loss.before + 1e-9)
    assert again.promoted


def test_figures_say_what_was_measured(trained, held_out):
    found = judge(load(trained[1]), held_out)
    assert found.figures["queries"] == len(held_out) == len(found.losses)
    assert found.figures["held_out"] == held_out.digest()
    assert found.figures["log_loss"] == pytest.approx(found.losses.mean(), abs=1e-5)
    assert set(found.figures["experts"]) == set(held_out.experts)
    assert found.figures["experts"]["lawyer"]["auc"] > 0.8


def test_nothing_held_out_is_refused(trained, held_out, tmp_path):
    with pytest.raises(ConfigError, match="no outcome"):
        promote(Versions(tmp_path / "store"), trained[1], held_out.take(np.array([], dtype=np.int64)))
    assert Versions(tmp_path / "store").all() == []
