import json
from collections import Counter

import numpy as np
import pytest

import leeroo
from leeroo.errors import BudgetExceeded, ConfigError
from leeroo.learning.outcomes import OutcomeTable
from leeroo.learning.selfplay import RunInProgress, Settings, run, write_report
from leeroo.learning.selfplay.domains import Domain, Domains
from leeroo.learning.selfplay.journal import JOURNAL, Journal
from leeroo.prediction import load
from tests.core.learning.selfplay.conftest import SETTINGS

SHORT = Settings(rounds=1, queries=6, held_out=6, max_tokens=16, share=0.75)


class Killed(BaseException):
    """The process is gone: nothing of it happens any more."""


@pytest.fixture
def kill_after(monkeypatch):
    """Let the process die at its n-th event: before it is written, or just after."""
    add = Journal.add

    def arrange(count, *, before):
        left = [count]

        def dying(self, kind, key, **data):
            left[0] -= 1
            if left[0] < 0 or (left[0] == 0 and before):
                raise Killed
            event = add(self, kind, key, **data)
            if left[0] == 0:
                raise Killed
            return event

        monkeypatch.setattr(Journal, "add", dying)

    yield arrange
    monkeypatch.setattr(Journal, "add", add)


def asked(server):
    return Counter((body["model"], body["messages"][-1]["content"]) for body in server.bodies())


def test_a_run_learns_who_is_good_at_what(pool, domains, server, tmp_path):
    result = run(pool, domains, out=tmp_path, max_cost=1.0, settings=Settings(**SETTINGS))
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
    paths = write_report(result, tmp_path, "leeroo selfplay")
    assert "| always clever |" in paths.text.read_text()
    assert json.loads(paths.data.read_text())["rounds"][2]["log_loss"] == after["log_loss"]
    assert paths.plot.read_text().startswith("<?xml")
    # The same command again: all is there, and nothing is asked.
    count = len(server.requests)
    assert run(pool, domains, out=tmp_path, max_cost=1.0, settings=Settings(**SETTINGS)) == result
    assert len(server.requests) == count


def _events(folder, kind):
    lines = (folder / JOURNAL).read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["kind"] == kind]


@pytest.mark.parametrize(
    ("count", "before"), [(3, False), (12, False), (30, True), (34, False), (52, True), (54, False)]
)
def test_killed_at_any_point_it_goes_on_and_nothing_is_paid_twice(
    pool, domains, server, tmp_path, kill_after, monkeypatch, count, before
):
    kill_after(count, before=before)
    with pytest.raises(Killed):
        run(pool, domains, out=tmp_path, settings=SHORT)
    monkeypatch.undo()
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    result = run(pool, domains, out=tmp_path, settings=SHORT)
    assert set(asked(server).values()) == {1}
    assert len(result.rounds) == 2
    lost = result.unscored.get("lost", 0)
    answered = len(_events(tmp_path, "answered"))
    assert len(_events(tmp_path, "asked")) == answered + lost


def test_two_loops_on_one_folder(pool, domains, tmp_path, server):
    with Journal(tmp_path), pytest.raises(RunInProgress, match="another self-play loop"):
        run(pool, domains, out=tmp_path, settings=SHORT)
    assert not server.requests


def test_money_runs_out_in_the_middle_of_a_round_and_more_lets_it_go_on(pool, domains, tmp_path, server):
    whole = run(pool, domains, out=tmp_path / "whole", settings=SHORT)
    held = sum(e["nano"] for e in _events(tmp_path / "whole", "answered")[:12])
    little = (held + (whole.nano - held) // 2) / 1e9
    part = run(pool, domains, out=tmp_path / "part", max_cost=little, settings=SHORT)
    assert part.stopped == "money"
    assert part.nano <= little * 1e9
    assert 0 < part.rounds[-1]["pairs"] < whole.rounds[-1]["pairs"]
    server.requests.clear()
    rest = run(pool, domains, out=tmp_path / "part", max_cost=1.0, settings=SHORT)
    assert rest.stopped == "rounds"
    assert rest.nano == whole.nano
    assert rest.rounds[-1]["pairs"] == whole.rounds[-1]["pairs"]
    assert len(server.requests) == whole.rounds[-1]["pairs"] - part.rounds[-1]["pairs"]


def test_too_little_for_the_held_out_part(pool, domains, tmp_path, server):
    with pytest.raises(BudgetExceeded, match="raise max_cost"):
        run(pool, domains, out=tmp_path, max_cost=1e-8, settings=SHORT)
    assert not server.requests


def test_another_run_in_the_folder_is_refused(pool, domains, tmp_path):
    run(pool, domains, out=tmp_path, settings=SHORT)
    with pytest.raises(ConfigError, match="whose domains was another"):
        run(pool, Domains(domains={"units": Domain(family="units")}), out=tmp_path, settings=SHORT)


def test_a_worse_candidate_is_rolled_back(pool, domains, server, tmp_path):
    """In the round the experts change sides; the held-out part remembers what they were."""
    first = server.answer

    def turned(body):
        held = body["max_tokens"] == 16 and len(server.requests) <= 12
        return first(body) if held else first({**body, "model": {"dull": "clever", "clever": "dull"}[body["model"]]})

    server.answer = turned
    settings = Settings(**{**SETTINGS, "rounds": 1, "queries": 40, "held_out": 6, "share": 1.0})
    arithmetic = Domains(domains={"sums": Domain(family="arithmetic")})
    result = run(pool, arithmetic, out=tmp_path, settings=settings)
    assert result.rounds[1]["promoted"] is False
    assert result.rounds[1]["log_loss"] == result.rounds[0]["log_loss"]
    assert result.rounds[1]["version"] == result.rounds[0]["version"]


def test_experts_that_fail_leave_no_outcome(pool, domains, server, tmp_path):
    server.behave("dull", {"status": 401})
    result = run(pool, domains, out=tmp_path, settings=SHORT)
    assert result.unscored["auth"] >= 3
    table = OutcomeTable.read(tmp_path / "held-out")
    assert np.isnan(table.scores[:, table.experts.index("dull")]).all()
    assert result.always == {}
    assert "routing" not in result.rounds[0]


def test_written_questions_and_draws(pool, server, tmp_path):
    made = [
        [{"question": f"What is {i} + {i}?", "answer": str(2 * i)} for i in range(at, at + 4)] for at in (10, 20, 30)
    ]
    plain = server.answer
    server.answer = lambda body: (
        json.dumps(made.pop(0) if made else []) if "JSON" in body["messages"][-1]["content"] else plain(body)
    )
    words = Domain(description="doubling", check="numeric", difficulty=(1,))
    settings = Settings(rounds=1, queries=2, held_out=2, max_tokens=16, draws=2, share=1.0)
    result = run(pool, Domains(domains={"doubling": words}), out=tmp_path, settings=settings)
    assert result.calls["write"] >= 1
    assert result.calls["confirm"] >= 2
    assert {row["draws"] for event in _events(tmp_path, "scored") for row in event["outcomes"]} == {2}
    assert OutcomeTable.read(tmp_path / "held-out").datasets == ("clever", "clever")


def test_an_expert_that_cannot_be_run_is_refused_before_anything_is_spent(domains, tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    pool = leeroo.Pool({"x": leeroo.Expert(model="openai:gpt-x", price=leeroo.Price(input=1, output=1))})
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        run(pool, domains, out=tmp_path, settings=SHORT)
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    votes = Domains(domains={"a": Domain(description="x", check="consensus")})
    with pytest.raises(ConfigError, match="consensus needs 3 experts"):
        run(pool, votes, out=tmp_path, settings=SHORT)
