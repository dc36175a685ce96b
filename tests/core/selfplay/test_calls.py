import json

import pytest

import leeroo
from leeroo.ledger.memory import MemoryLedger
from leeroo.selfplay.calls import Caller, Request
from leeroo.selfplay.journal import JOURNAL, Journal


def requests(*keys, expert="dull"):
    return [Request(key, expert, f"Question {key}", 10) for key in keys]


@pytest.fixture
def make(pool, tmp_path):
    opened = []

    def make(**kwargs):
        for journal in opened:
            journal.close()
        opened[:] = [Journal(tmp_path)]
        return Caller(pool, opened[0], MemoryLedger(), scope="play", sleep=lambda seconds: None, **kwargs)

    yield make
    opened[0].close()


def test_nothing_is_asked_twice(make, server):
    first = make().many(requests("a", "b"))
    again = make()
    assert again.many(requests("a", "b")) == first
    assert len(server.requests) == 2
    assert again.nano == sum(reply.nano for reply in first) > 0


def test_what_was_under_way_when_the_run_was_killed_counts_at_its_worst_and_is_not_sent_again(make, server, tmp_path):
    make().many(requests("a"))
    path = tmp_path / JOURNAL
    kept = [line for line in path.read_text().splitlines() if '"asked"' in line]
    path.write_text("\n".join(kept) + "\n")
    caller = make()
    (reply,) = caller.many(requests("a"))
    assert (reply.text, reply.error) == (None, "lost")
    assert len(server.requests) == 1
    assert caller.nano == json.loads(kept[0])["worst"] > 0


def test_a_server_that_recovers_is_asked_again_and_billed_once(make, server):
    server.behave("dull", [{"status": 503}, {"status": 429}])
    caller = make()
    (reply,) = caller.many(requests("a"))
    assert reply.text == "0"
    assert caller.nano == reply.nano
    assert make().many(requests("a")) == [reply]
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("how", "text", "error"),
    [
        ("empty", "", None),
        ("garbage", None, "bad_answer"),
        ({"status": 401}, None, "auth"),
        ("drop", None, "connection"),
    ],
)
def test_what_experts_do_is_told_apart(make, server, how, text, error):
    server.behave("dull", how)
    (reply,) = make().many(requests("a"))
    assert (reply.text, reply.error) == (text, error)


def test_an_expert_that_is_down_is_left_alone_for_the_round(make, server):
    server.behave("dull", {"status": 401})
    caller = make(workers=1)
    errors = [reply.error for reply in caller.many(requests(*"abcdef"))]
    assert errors == ["auth"] * 3 + ["down"] * 3
    server.behave("dull", None)
    assert [reply.text for reply in caller.many(requests("d"))] == ["0"]


def test_the_cap_holds_and_the_rest_is_not_asked(make, server):
    caller = make(workers=4)
    (one,) = caller.many(requests("a"))
    with leeroo.budget(max_total_cost=5 * one.nano / 1e9) as spent:
        replies = caller.many(requests(*"bcdefghijklmnop"))
    asked = [reply for reply in replies if reply.text is not None]
    assert 0 < len(asked) < 15
    assert {reply.error for reply in replies} == {None, "budget"}
    assert caller.out_of_money
    assert spent.cost <= 5 * one.nano / 1e9
    assert sum(reply.nano for reply in asked) == round(spent.cost * 1e9)
    assert len(server.requests) == 1 + len(asked)


def test_a_prompt_beyond_the_context_window_is_no_answer(pool, make):
    small = leeroo.Expert(**{**pool["dull"].model_dump(), "context_window": 20})
    caller = Caller(leeroo.Pool({"dull": small}), make()._journal, MemoryLedger(), scope="play")
    assert caller.many([Request("x", "dull", "word " * 50, 10)])[0].error == "context_overflow"
    assert caller.nano == 0


def test_every_call_is_on_the_ledger(pool, tmp_path):
    ledger = MemoryLedger()
    with Journal(tmp_path / "run") as journal:
        caller = Caller(pool, journal, ledger, scope="team/play")
        caller.many(requests("a", "b"))
        assert ledger.spent("team/play") == caller.nano
    assert {record["budget"]["scope"] for record in ledger.calls()} == {"team/play"}
