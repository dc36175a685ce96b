"""Proofs about the ledger at full size. Prints JSON; a broken promise is an AssertionError.

    python benchmarks/ledger_soak.py crowd --url sqlite:////tmp/crowd.db     # 64 threads x 8 processes on one limit
    python benchmarks/ledger_soak.py kills --url sqlite:////tmp/kills.db     # 200 processes killed at random moments
    python benchmarks/ledger_soak.py rows --url sqlite:////tmp/rows.db       # 1,000 and 1,000,000 rows

Each wants a new database. The tests run the same functions at a smaller size.
"""

import argparse
import json
import multiprocessing
import os
import random
import signal
import statistics
import threading
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import create_engine, func, insert, select, text

from leeroo.errors import BudgetExceeded
from leeroo.ledger import schema
from leeroo.ledger.limits import Limit
from leeroo.ledger.opening import open_ledger
from leeroo.ledger.sql import SqlLedger

PRICE = 1_000_000
"""Nano-dollars of a call."""
processes_of = multiprocessing.get_context("forkserver")  # nobody inherits another's connections
processes_of.set_forkserver_preload(["leeroo.ledger.sql"])


def cuts(milliseconds: list[float]) -> dict[str, float]:
    """Median and 99th percentile."""
    found = statistics.quantiles(milliseconds, n=100) if len(milliseconds) > 1 else milliseconds * 99
    return {"p50_ms": round(found[49], 3), "p99_ms": round(found[98], 3)}


# Many at once


def crowd(url: str, *, processes: int = 8, threads: int = 64, calls: int = 4) -> dict[str, Any]:
    """All spend one limit that pays for half of their calls: it is spent whole, never passed, and no row is lost."""
    total = processes * threads * calls
    ledger = open_ledger(url)
    ledger.set_limit(Limit.of("acme", "total", "usd", total * PRICE / 2 / 1e9))
    queue, gate = processes_of.Queue(), processes_of.Event()
    running = [
        processes_of.Process(target=_member, args=(url, n, threads, calls, queue, gate)) for n in range(processes)
    ]
    for process in running:
        process.start()
    for _ in running:
        assert queue.get(timeout=300) == "ready"
    began = time.perf_counter()
    gate.set()
    answers = [queue.get(timeout=600) for _ in running]
    seconds = time.perf_counter() - began
    for process in running:
        process.join()
    done = [call for answer in answers for call in answer["done"]]
    refused = sum(answer["refused"] for answer in answers)
    row = ledger.limits("acme")[0]
    assert (row["used"], row["reserved"]) == (total // 2 * PRICE, 0), row
    assert len(done) == refused == total // 2, (len(done), refused)
    assert sum(day["cost"] for day in ledger.spend()) == row["used"]
    with ledger.read() as connection:
        r = schema.reservations.c
        found = list(connection.execute(select(r.call_id).where(r.state == "settled")).scalars())
        assert sorted(found) == sorted(done)
        assert connection.execute(select(func.count()).select_from(schema.reservations)).scalar() == len(done)
    ledger.close()
    times = [ms for answer in answers for ms in answer["times"]]
    return {"calls": total, "paid": len(done), "refused": refused, "limit_usd": total * PRICE / 2e9,
            "pairs_per_second": round(len(done) / seconds, 1), "calls_per_second": round(total / seconds, 1),
            **cuts(times)}  # fmt: skip


def _member(url: str, number: int, threads: int, calls: int, queue: Any, gate: Any) -> None:
    ledger = open_ledger(url)
    done: list[str] = []
    times: list[float] = []
    refused = [0] * threads

    def work(thread: int) -> None:
        for i in range(calls):
            call = f"{number}-{thread}-{i}"
            began = time.perf_counter()
            try:
                reservation = ledger.reserve(call, f"acme/team-{thread % 2}/user-{number}", PRICE)
            except BudgetExceeded:
                refused[thread] += 1
            else:
                ledger.settle(reservation, PRICE)
                times.append(1000 * (time.perf_counter() - began))
                done.append(call)

    running = [threading.Thread(target=work, args=(t,)) for t in range(threads)]
    queue.put("ready")
    gate.wait()
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    queue.put({"done": done, "refused": sum(refused), "times": times})
    ledger.close()


# Sudden deaths


def kills(url: str, *, deaths: int = 200, at_once: int = 4, longest: float = 0.15, seed: int = 0) -> dict[str, Any]:
    """Kill processes (SIGKILL) at random moments of their calls: nothing is lost, nothing charged twice."""
    chance = random.Random(seed)
    ledger = open_ledger(url)
    ledger.set_limit(Limit.of("acme", "total", "usd", 1000))
    steps: dict[str, str] = {}  # the last step that each call said it had done
    last: list[str] = []  # where each victim died
    for first in range(0, deaths, at_once):
        victims = []
        for number in range(first, min(deaths, first + at_once)):
            reader, writer = processes_of.Pipe(duplex=False)
            process = processes_of.Process(target=_victim, args=(url, number, writer))
            process.start()
            writer.close()
            victims.append((process, reader))
        for process, reader in victims:
            assert reader.recv()  # it has opened the ledger
            time.sleep(chance.uniform(0, longest))
            os.kill(process.pid or 0, signal.SIGKILL)
            process.join()
            died = "before reserve"
            try:
                while True:
                    call, died = reader.recv()
                    steps[call] = died
            except EOFError:
                last.append(died)
    r = schema.reservations.c
    with ledger.read() as connection:
        rows = connection.execute(select(r.id, r.call_id, r.state, r.cost)).all()
    state = {row.call_id: row.state for row in rows}
    assert len(state) == len(rows), "a call is in the ledger twice"
    for call, step in steps.items():
        if step == "settled":
            assert state[call] == "settled", (call, "lost its settlement")
        elif step in ("reserved", "answered"):
            assert call in state, (call, "lost its reservation")
    held = [row for row in rows if row.state == "open"]
    settled = sum(row.cost for row in rows if row.state == "settled")
    _agree(ledger, settled, len(held) * PRICE)
    for _ in range(2):  # their true cost becomes known later, and is told twice
        for row in held:
            ledger.settle(row.id, PRICE // 2)
    _agree(ledger, len(rows) * PRICE // 2, 0)
    ledger.close()
    return {"deaths": deaths, "calls": len(rows), "left_open": len(held),
            "died_after": {step: last.count(step) for step in sorted(set(last))}}  # fmt: skip


def _agree(ledger: SqlLedger, used: int, reserved: int) -> None:
    row = ledger.limits("acme")[0]
    assert (row["used"], row["reserved"]) == (used, reserved), (row, used, reserved)
    assert sum(day["cost"] for day in ledger.spend()) == used


def _victim(url: str, number: int, pipe: Any) -> None:
    ledger = open_ledger(url)
    pipe.send("open")
    i = 0
    while True:
        call = f"{number}-{i}"
        pipe.send((call, "reserving"))
        reservation = ledger.reserve(call, "acme/team", PRICE)
        pipe.send((call, "reserved"))
        time.sleep(0.001)  # the expert answers
        pipe.send((call, "answered"))
        ledger.settle(reservation, PRICE // 2)
        pipe.send((call, "settled"))
        i += 1


# Many rows


def rows(url: str, *, sizes: tuple[int, ...] = (1_000, 1_000_000), tries: int = 30) -> dict[str, Any]:
    """Opening, one reserve + settle and `spend` with so many settled reservations and calls in the ledger."""
    ledger = open_ledger(url)
    for per in ("day", "total"):
        ledger.set_limit(Limit.of("acme", per, "usd", 10_000))
    ledger.close()
    present, result = 0, {}
    for size in sizes:
        _fill(url, present, size)
        present = size
        result[f"{size:,}"] = _measured(url, tries)
    return result


def _measured(url: str, tries: int) -> dict[str, Any]:
    ledger = open_ledger(url)

    def pair() -> None:
        ledger.settle(ledger.reserve(os.urandom(16).hex(), "acme/team", PRICE), PRICE)

    found = {
        "open": _median(lambda: open_ledger(url).close(), tries),
        "reserve_settle": _median(pair, tries),
        "remaining": _median(lambda: ledger.remaining("acme/team"), tries),
        "spend": _median(lambda: ledger.spend("expert", "acme"), tries),
    }
    ledger.close()
    return found


def _fill(url: str, first: int, until: int) -> None:
    """Rows as calls leave them, in bulk."""
    now = int(time.time() * 1e6)
    engine = create_engine(url)
    call = {"model": "m", "cost": PRICE, "scope": "acme/team"}
    held = {**call, "state": "settled", "nano": PRICE, "tokens": 9, "calls": 1, "cost_tokens": 9}
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(text("PRAGMA cache_size=-200000"))
        for start in range(first, until, 50_000):
            numbers = range(start, min(until, start + 50_000))
            ids = [(f"{(n * 2654435761) % 2**32:08x}{n:024x}", f"expert-{n % 5}", now - n * 86_400) for n in numbers]
            kept = [{**held, "call_id": c, "expert": e, "at": at, "lease": at + 900_000_000} for c, e, at in ids]
            connection.execute(insert(schema.reservations), kept)
            connection.execute(
                insert(schema.calls), [{**call, "call_id": c, "expert": e, "at": at} for c, e, at in ids]
            )
        if first == 0:
            connection.execute(insert(schema.daily), [
                {"day": f"2026-{d // 28 + 1:02}-{d % 28 + 1:02}", "scope": "acme/team", "expert": f"expert-{e}",
                 "model": "m", "attempts": 9, "cost": 9, "tokens": 9, "calls": 9, "saved": 9}
                for d in range(336) for e in range(5)
            ])  # fmt: skip
    engine.dispose()


def _median(work: Callable[[], Any], tries: int) -> dict[str, float]:
    wall, cpu = [], []
    for _ in range(tries):
        began, busy = time.perf_counter(), time.thread_time()
        work()
        wall.append(1000 * (time.perf_counter() - began))
        cpu.append(1000 * (time.thread_time() - busy))
    return {"median_ms": round(statistics.median(wall), 3), "cpu_ms": round(statistics.median(cpu), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description="Proofs about the ledger at full size.")
    parser.add_argument("proof", choices=["crowd", "kills", "rows"])
    parser.add_argument("--url", required=True, help="A new database.")
    given = parser.parse_args()
    found = {"crowd": crowd, "kills": kills, "rows": rows}[given.proof](given.url)
    machine = {"cpus": os.cpu_count(), "load": [round(x, 1) for x in os.getloadavg()]}
    print(json.dumps({given.proof: found, "machine": machine}, indent=2))


if __name__ == "__main__":
    main()
