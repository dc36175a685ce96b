import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

import leeroo
from leeroo.errors import BudgetExceeded, ConfigError
from leeroo.outcomes.table import OutcomeTable
from leeroo.prediction import load
from leeroo.selfplay import RunInProgress, Settings, run, write_report
from leeroo.selfplay.domains import Domain, Domains
from leeroo.selfplay.journal import JOURNAL, Journal

SETTINGS = {"rounds": 2, "queries": 12, "held_out": 16, "max_tokens": 16, "share": 0.75}
SHORT = Settings(rounds=1, queries=6, held_out=6, max_tokens=16, share=0.75)


class Killed(BaseException):
    """The process is gone: nothing of it happens any more."""


@pytest.fixture
def kill_at(monkeypatch):
    """Let the process die at its n-th event of a kind: before it is written, or just after."""
    add = Journal.add

    def arrange(kind, count, *, before):
        left, dead = [count], []

        def dying(self, kind_, key, **data):
            left[0] -= kind_ == kind
            if dead or (left[0] == 0 and before):
                dead.append(True)
                raise Killed
            event = add(self, kind_, key, **data)
            if left[0] == 0:
                dead.append(True)
                raise Killed
            return event

        monkeypatch.setattr(Journal, "add", dying)

    return arrange


@pytest.fixture
def play(pool, domains, artifact, tmp_path):
    """Run with the short settings, unless told otherwise."""
    usual = {"pool": pool, "domains": domains, "out": tmp_path, "artifact": artifact, "settings": SHORT}
    return lambda **given: run(**{**usual, **given})


def asked(server):
    return Counter((body["model"], body["messages"][-1]["content"]) for body in server.bodies())


def test_a_run_learns_who_is_good_at_what(play, pool, server, tmp_path):
    result = play(max_cost=1.0, settings=Settings(**SETTINGS))
    assert [row["key"] for row in result.rounds] == ["0", "1", "2"]
    before, after = result.rounds[0], result.rounds[-1]
    assert after["log_loss"] < before["log_loss"] - 0.05
    assert set(asked(server).values()) == {1}
    assert result.nano == pytest.approx(sum(e["nano"] for e in _events(tmp_path, "answered")))
    table, held = OutcomeTable.read(tmp_path / "outcomes"), OutcomeTable.read(tmp_path / "held-out")
    assert len(table) == 24
    assert not set(table.queries) & set(held.queries)
    assert np.isnan(table.scores).any()  # not every expert on every query
    predictor = load(tmp_path / "artifacts")
    sums = predictor.predict(["What is 31 + 7?", "What is 5 * 9?"], list(pool)).quality
    assert (sums[:, 1] > sums[:, 0] + 0.1).all()
    paths = write_report(result, tmp_path / "REPORT.md", "leeroo selfplay")
    assert "| always clever |" in paths.text.read_text()
    assert json.loads(paths.data.read_text())["rounds"][2]["log_loss"] == after["log_loss"]
    assert paths.plot.read_text().startswith("<?xml")
    # The same command again: all is there, and nothing is asked.
    count = len(server.requests)
    assert play(max_cost=1.0, settings=Settings(**SETTINGS)) == result
    assert len(server.requests) == count


def test_a_run_learns_who_errs_together(play, tmp_path):
    play(max_cost=1.0, settings=replace(SHORT, held_out=40))
    kept = load(tmp_path / "artifacts").artifact.settings["consult"]
    assert 30 <= kept["queries"] <= 40
    assert len(kept["traits"]) == 2


def _events(folder, kind):
    lines = (folder / JOURNAL).read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["kind"] == kind]


@pytest.mark.parametrize(
    ("kind", "count", "before"),
    [("asked", 5, False), ("answered", 14, True), ("scored", 2, False), ("round", 2, True)],
)
def test_killed_at_any_point_it_goes_on_and_nothing_is_paid_twice(
    play, server, tmp_path, kill_at, monkeypatch, kind, count, before
):
    kill_at(kind, count, before=before)
    with pytest.raises(Killed):
        play()
    monkeypatch.undo()
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    result = play()
    assert set(asked(server).values()) == {1}
    assert [row["key"] for row in result.rounds] == ["0", "1"]
    lost = result.unscored.get("lost", 0)
    assert len(_events(tmp_path, "asked")) == len(_events(tmp_path, "answered")) + lost


def test_two_loops_on_one_folder(play, tmp_path, server):
    with Journal(tmp_path), pytest.raises(RunInProgress, match="another self-play loop"):
        play()
    assert not server.requests


def test_money_runs_out_in_the_middle_of_a_round_and_more_lets_it_go_on(play, tmp_path, server):
    settings = replace(SHORT, queries=16)
    whole = play(out=tmp_path / "whole", settings=settings)
    held = sum(e["nano"] for e in _events(tmp_path / "whole", "answered")[:12])
    little = (held + (whole.nano - held) // 2) / 1e9
    part = play(out=tmp_path / "part", max_cost=little, settings=settings)
    assert part.stopped == "money"
    assert part.nano <= little * 1e9
    assert 0 < part.rounds[-1]["pairs"] < whole.rounds[-1]["pairs"]
    server.requests.clear()
    rest = play(out=tmp_path / "part", max_cost=1.0, settings=settings)
    assert rest.stopped == "rounds"
    assert rest.nano == whole.nano
    assert rest.rounds[-1]["pairs"] == whole.rounds[-1]["pairs"]
    assert len(server.requests) == whole.rounds[-1]["pairs"] - part.rounds[-1]["pairs"]


def test_too_little_for_the_held_out_part(play, server):
    with pytest.raises(BudgetExceeded, match="raise max_cost"):
        play(max_cost=1e-8)
    assert not server.requests


def test_another_run_in_the_folder_is_refused(play):
    play()
    with pytest.raises(ConfigError, match="whose domains was another"):
        play(domains=Domains(domains={"units": Domain(family="units")}))


def test_a_worse_candidate_is_rolled_back(play, server):
    """In the round the experts change sides; the held-out part remembers what they were."""
    first = server.answer

    def turned(body):
        held = body["max_tokens"] == 16 and len(server.requests) <= 12
        return first(body) if held else first({**body, "model": {"dull": "clever", "clever": "dull"}[body["model"]]})

    server.answer = turned
    settings = Settings(**{**SETTINGS, "rounds": 1, "queries": 40, "held_out": 6, "share": 1.0})
    arithmetic = Domains(domains={"sums": Domain(family="arithmetic")})
    result = play(domains=arithmetic, settings=settings)
    assert result.rounds[1]["promoted"] is False
    assert result.rounds[1]["log_loss"] == result.rounds[0]["log_loss"]
    assert result.rounds[1]["version"] == result.rounds[0]["version"]


def test_experts_that_fail_leave_no_outcome(play, server, tmp_path):
    server.behave("dull", {"status": 401})
    result = play()
    assert result.unscored["auth"] >= 3
    table = OutcomeTable.read(tmp_path / "held-out")
    assert np.isnan(table.scores[:, table.experts.index("dull")]).all()
    assert result.always == {}
    assert "routing" not in result.rounds[0]


def test_written_questions_and_draws(play, server, tmp_path):
    made = [
        [("What is the first letter of the word 'apple'?", "a"), ("lists lists last letter of the word 'pear'", "r")],
        [("how many how many first letter of the word 'stone'", "s"), ("do do last letter of the word 'tiger'", "x")],
    ]
    plain = server.answer

    def write(body):
        if "JSON" not in body["messages"][-1]["content"]:
            return plain(body)
        return json.dumps([{"question": q, "answer": a} for q, a in (made.pop(0) if made else [])])

    server.answer = write
    words = Domain(description="letters", check="exact", difficulty=(1,))
    settings = Settings(rounds=1, queries=2, held_out=2, max_tokens=16, draws=2, share=1.0)
    result = play(domains=Domains(domains={"letters": words}), settings=settings)
    assert (result.calls["write"], result.calls["confirm"]) == (2, 4)
    assert OutcomeTable.read(tmp_path / "held-out").datasets == ("clever", "clever")
    assert result.rounds[1]["generated"] == 1
    assert result.rounds[1]["notes"]["did not survive checking"] == 1
    assert {row["draws"] for event in _events(tmp_path, "scored") for row in event["outcomes"]} == {2}


def test_an_expert_that_cannot_be_run_is_refused_before_anything_is_spent(play, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    pool = leeroo.Pool({"x": leeroo.Expert(model="openai:gpt-x", price=leeroo.Price(input=1, output=1))})
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        play(pool=pool)
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    votes = Domains(domains={"a": Domain(description="x", check="consensus")})
    with pytest.raises(ConfigError, match="consensus needs 3 experts"):
        play(pool=pool, domains=votes)
