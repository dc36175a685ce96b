"""The consult model from tables with answers and from a ledger's calls, and where it is kept."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from leeroo import Budget, Expert, Price, Query, Router, Usage
from leeroo.cli import app
from leeroo.cli.train import _learn_to_consult
from leeroo.consult.equivalence import Reply
from leeroo.consult.logprobs import LogProb
from leeroo.consult.model import ConsultModel, shipped
from leeroo.consult.observed import from_records
from leeroo.consult.settings import Consulting
from leeroo.errors import ConfigError
from leeroo.evaluation import learned_consult
from leeroo.evaluation.learned_consult import LEAST, is_better, joined, keep, learn, learn_from, observed_in, words
from leeroo.ledger.opening import open_ledger
from leeroo.outcomes.table import OutcomeTable
from leeroo.prediction import ConstantPredictor
from leeroo.prediction.artifact import SHIPPED, read_manifest
from leeroo.prediction.response import load
from leeroo.prediction.versions import Versions
from leeroo.routing.consulting import consultation
from leeroo.routing.own_consulting import OwnConsulting
from tests.core.evaluation.test_replay import EXPERTS, PREDICTOR, folder  # noqa: F401 - the fixture

QUALITY = {"tiny": 0.6, "small": 0.62, "large": 0.65}


@pytest.fixture
def artifact(tmp_path):
    """A copy of the predictor that ships."""
    return shutil.copytree(SHIPPED, tmp_path / "artifact")


def test_a_table_teaches_and_what_it_says_is_better_than_before(folder):  # noqa: F811
    found = learn_from([folder], PREDICTOR, ())
    assert found is not None
    assert found.queries == found.model.queries > 200
    assert set(found.model.traits) == set(EXPERTS)
    assert found.log_likelihood > found.before


def test_only_the_parts_count_that_are_asked_for(folder):  # noqa: F811
    table = OutcomeTable.read(folder)
    held = observed_in(table, PREDICTOR, ("validation",))
    assert 0 < len(held) <= (table.parts() == "validation").sum()
    assert learn_from([folder], PREDICTOR, ("validation",)).queries == len(held)
    assert learn_from([table.take(np.arange(20))], PREDICTOR, ()) is None  # too few


def test_sources_are_joined_by_expert(folder):  # noqa: F811
    table = OutcomeTable.read(folder)
    whole = observed_in(table, PREDICTOR)
    part = observed_in(table.take(np.arange(len(table)), ["dear", "cheap"]), PREDICTOR)
    both = joined([whole, part])
    assert len(both) == len(whole) + len(part)
    assert both.names == tuple(sorted(EXPERTS))
    column = both.names.index("other")
    assert (both.clusters[len(whole) :, column] == -1 - 1).all() or (both.clusters[len(whole) :, column] < 0).all()


def test_too_few_or_broken_predictions_are_refused(folder):  # noqa: F811
    found = observed_in(OutcomeTable.read(folder), PREDICTOR)
    with pytest.raises(ConfigError, match=f"from {LEAST} on"):
        learn([found.take(np.arange(5))])
    found.quality[0, 0] = np.nan
    with pytest.raises(ConfigError, match="no numbers"):
        learn([found])


def test_what_foretells_no_better_than_the_shipped_model_is_not_kept(monkeypatch, folder):  # noqa: F811
    best = learn_from([folder], PREDICTOR, ()).model
    monkeypatch.setattr(learned_consult, "shipped", lambda: best)
    assert not is_better([observed_in(OutcomeTable.read(folder), PREDICTOR)])
    assert learn_from([folder], PREDICTOR, ()) is None


def test_an_artifact_keeps_it_and_a_router_uses_it(folder, artifact):  # noqa: F811
    assert OwnConsulting(lambda: load(artifact)).in_use().source == "shipped"
    found = learn_from([folder], PREDICTOR, ())
    keep(found, artifact, ["toy"])
    used = OwnConsulting(lambda: load(artifact)).in_use()
    assert used.model == found.model
    assert used.words == f"the predictor's artifact, fitted on {found.queries} outcomes"
    assert read_manifest(artifact)["about"]["consult"] == {"queries": found.queries, "from": ["toy"]}
    router = Router(
        {name: Expert(model=name, price=Price(input=1, output=1)) for name in EXPERTS}, predictor=load(artifact)
    )
    with router.open(Query(text="Why?"), Budget(consult=True)) as call:
        assert call.consulting.complete(None).model == found.model


def test_the_caller_s_model_goes_before_the_pool_file_s_and_that_before_the_artifact_s(folder, artifact, tmp_path):  # noqa: F811
    keep(learn_from([folder], PREDICTOR, ()), artifact)
    ConsultModel(slope=1.5, queries=7).write(tmp_path / "own.json")
    own = OwnConsulting(lambda: load(artifact), {"model": tmp_path / "own.json"})
    assert own.in_use().words == f"{tmp_path / 'own.json'}, fitted on 7 outcomes"
    from leeroo.consult.settings import Consulting

    assert own.complete(Consulting(model=ConsultModel(slope=2.0))).model.slope == 2.0


def consult(router, right, seen=None):
    """One call in which those who are right say so, and the others fall for one of two mistakes."""
    with router.open(Query(text="Which?", prompt="Which?"), Budget(consult=True, min_quality=0.999)) as call:
        several = consultation(call, seen)
        while attempts := several.round():
            for attempt in attempts:
                text = right.get(attempt.expert.name, "lyon")
                several.answered(attempt, text, Reply(text), Usage(10, 5))
        return call.finish()


def test_calls_of_a_ledger_teach_without_any_text(tmp_path):
    url = f"sqlite:///{tmp_path}/calls.db"
    ledger, rng = open_ledger(url), np.random.default_rng(0)
    experts = {name: Expert(model=name, price=Price(input=1, output=1)) for name in QUALITY}
    router = Router(experts, predictor=ConstantPredictor(QUALITY, output_tokens=5), ledger=ledger)
    for i in range(40):
        said = {name: "paris" if rng.random() < q else str(rng.choice(["lyon", "nice"])) for name, q in QUALITY.items()}
        record = consult(router, said)
        if i % 2:
            ledger.feedback(record["call_id"], float(said[record["expert"]] == "paris"))
    found = ledger.consultations()
    assert len(found) == 40
    assert sum(call["score"] is not None for call in found) == 20
    assert {one["expert"] for call in found for one in call["candidates"]} <= set(QUALITY)
    assert "paris" not in json.dumps(found)
    ledger.close()
    out = tmp_path / "consult.json"
    done = CliRunner().invoke(app, ["consult-fit", "--ledger", url, "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert ConsultModel.read(out).queries == 40
    assert ConsultModel.read(out) != shipped()


def test_draws_and_log_probabilities_of_calls_are_kept_and_teach(tmp_path):
    url = f"sqlite:///{tmp_path}/calls.db"
    ledger, rng = open_ledger(url), np.random.default_rng(0)
    experts = {name: Expert(model=name, price=Price(input=1, output=1)) for name in QUALITY}
    router = Router(experts, predictor=ConstantPredictor(QUALITY, output_tokens=5), ledger=ledger)
    settings = Consulting(model=ConsultModel(repeat_correlation=0.1), repeats=3)
    for _ in range(40):
        budget = Budget(consult=True, willingness_to_pay=100.0, expert="small")
        with router.open(Query(text="What is the capital of France?"), budget) as call:
            several = consultation(call, settings)
            while attempts := several.round():
                for attempt in attempts:
                    text, sure = str(rng.choice(["Paris", "Lyon"])), LogProb(-float(rng.random()), "answer")
                    several.answered(attempt, text, Reply(text, logprob=sure), Usage(10, 5))
    found = learn([from_records(ledger.consultations())])
    ledger.close()
    assert found.repeated == 40
    assert found.certain > 60
    assert found.model.repeat_correlation != shipped().repeat_correlation
    assert found.model.certainty != shipped().certainty
    assert "of 40 queries on which an expert was asked again" in words(found)
    done = CliRunner().invoke(app, ["consult-fit", "--ledger", url, "--out", str(tmp_path / "consult.json")])
    assert "repeat correlation" in done.output, done.output


def test_the_command_puts_a_new_version_to_use(folder, artifact, tmp_path):  # noqa: F811
    versions = Versions(tmp_path / "versions")
    first = versions.use(versions.add(artifact).id)
    options = ["--split", "all", "--out", str(tmp_path / "versions")]
    done = CliRunner().invoke(app, ["consult-fit", str(folder), *options])
    assert done.exit_code == 0, done.output
    assert versions.current().id != first.id
    assert OwnConsulting(lambda: load(tmp_path / "versions")).in_use().model.queries > 200


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ([], "Give outcome tables"),
        (["{folder}", "--split", "validatio"], "Unknown split"),
        (["{folder}/none"], "none"),
        (["{folder}", "--split", "test", "--predictor", "{folder}"], "no predictor artifact"),
    ],
)
def test_bad_input_is_one_line(folder, tmp_path, arguments, match):  # noqa: F811
    given = [one.format(folder=folder) for one in arguments]
    done = CliRunner().invoke(app, ["consult-fit", *given, "--out", str(tmp_path / "c.json")])
    assert done.exit_code != 0
    assert match in f"{done.output} {done.exception}"


@pytest.mark.parametrize("queries", [-1, 1.5, True, "many"])
def test_a_model_s_count_is_a_count(queries):
    with pytest.raises(ConfigError, match="queries"):
        ConsultModel.of({"queries": queries})


def test_training_ends_with_it(folder, artifact, capsys):  # noqa: F811
    _learn_to_consult([folder], artifact)
    assert "Consult model: fitted on" in capsys.readouterr().out
    assert read_manifest(artifact)["settings"]["consult"]["queries"] >= LEAST
    table = OutcomeTable.read(folder)
    replace(table, answers=None).write(folder.parent / "mute")
    _learn_to_consult([folder.parent / "mute"], artifact)
    assert "the one that ships" in capsys.readouterr().out
