"""No call of ours blocks the event loop: not the routing, not the predictor, not the ledger, not a failover's wait."""

import pytest
from blockbuster import BlockBuster, BlockingError

from leeroo import budget
from llamaindex_leeroo import Leeroo
from tests.llamaindex.conftest import pool_of
from tests.llamaindex.test_calls import WAYS, call, check

ASYNC = [way for way in WAYS if way.startswith("a") and way != "as_structured_llm"]


@pytest.fixture
def alarm():
    """Blocking calls in an event loop raise, wherever they stand."""
    watch = BlockBuster()
    watch.activate()
    yield watch
    watch.deactivate()


@pytest.mark.parametrize("way", ASYNC)
async def test_no_call_blocks(way, llm, alarm):
    with budget(max_cost=1.0, scope="team"):
        check(way, llm, await call(way, llm))


@pytest.mark.parametrize("way", ASYNC)
async def test_no_first_call_with_the_shipped_predictor_blocks(way, server, alarm):
    llm = Leeroo.from_pool(pool_of(server), tolerance=1.0)
    await call(way, llm)


@pytest.mark.parametrize("way", ASYNC)
async def test_no_failover_blocks(way, llm, server, alarm):
    for model in ("small-model", "large-model"):
        server.behave(model, [{"status": 503}])  # both once: then a wait, then a second try
    check(way, llm, await call(way, llm))
    assert len(server.requests) == 3


@pytest.fixture
def on_disk(server, predictor, tmp_path):
    """As `llm`, with a ledger in a file."""
    pool = pool_of(server, ledger=f"sqlite:///{tmp_path / 'ledger.db'}")
    return Leeroo.from_pool(pool, predictor=predictor, tolerance=0.5)


def settled(llm):
    """Nothing is left reserved; USD spent, and calls."""
    rows = llm.router.ledger.spend()
    assert not llm.router.ledger.reservations()
    return sum(row.nano for row in rows), sum(row.calls for row in rows)


@pytest.mark.parametrize("way", ASYNC)
async def test_no_call_with_a_ledger_on_disk_blocks(way, on_disk, server, alarm):
    with budget(max_cost=1.0, scope="team"):
        check(way, on_disk, await call(way, on_disk))


@pytest.mark.parametrize("way", ASYNC)
async def test_no_failover_with_a_ledger_on_disk_blocks(way, on_disk, server, alarm):
    for model in ("small-model", "large-model"):
        server.behave(model, [{"status": 503}])
    check(way, on_disk, await call(way, on_disk))
    assert len(server.requests) == 3


async def test_the_alarm_rings(alarm):
    import time

    with pytest.raises(BlockingError):
        time.sleep(0.001)
