from concurrent.futures import ThreadPoolExecutor

import pytest

from leeroo import ConfigError, LeerooError, Query, feedback
from leeroo.ledger import memory as ledger_module
from leeroo.ledger.memory import Left, MemoryLedger
from leeroo.routing.attempt import Usage


def test_reservations_become_spend_by_scope():
    ledger = MemoryLedger()
    first, second = ledger.reserve("c1", "team", 100), ledger.reserve("c1", None, 50)
    assert first != second
    ledger.settle(first, 70)
    ledger.settle(second, 0)
    assert (ledger.spent("team"), ledger.spent(), ledger.remaining("team")) == (70, 0, Left())
    assert ledger._reserved == {}


def test_many_threads_lose_nothing():
    ledger = MemoryLedger()

    def work(i):
        for _ in range(100):
            ledger.settle(ledger.reserve(str(i), "s", 9), 3)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(work, range(16)))
    assert ledger.spent("s") == 16 * 100 * 3


def test_the_newest_records_are_kept(monkeypatch):
    monkeypatch.setattr(ledger_module, "KEPT_CALLS", 3)
    ledger = MemoryLedger()
    for i in range(5):
        ledger.write({"call_id": str(i)})
    assert [record["call_id"] for record in ledger.calls()] == ["2", "3", "4"]


def answered(router):
    with router.open(Query(text="hi")) as call:
        next(call.attempts()).succeeded(Usage(5, 5))
    return call.id


def test_feedback_reaches_the_ledger_of_its_call(make_router):
    one, two = make_router(), make_router()
    first, second = answered(one), answered(two)
    feedback(first, 1, "right")
    feedback(second, 0.25)
    assert one.ledger.scores == {first: (1, "right")}
    assert two.ledger.scores == {second: (0.25, None)}


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan"), "1", None, True])
def test_scores_are_shares(make_router, score):
    with pytest.raises(ConfigError, match="between 0 and 1"):
        feedback(answered(make_router()), score)


def test_feedback_of_an_unknown_call_is_refused():
    with pytest.raises(LeerooError, match="'nothing'"):
        feedback("nothing", 1)
    with pytest.raises(LeerooError, match="'nothing'"):
        MemoryLedger().feedback("nothing", 1)
