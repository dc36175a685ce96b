"""Many processes on one ledger, and processes that are killed: no limit passed, nothing lost, nothing charged twice."""

import json
import signal
import subprocess
import sys

from sqlalchemy import create_engine, func, select

from leeroo.ledger import schema
from leeroo.ledger.limits import Limit
from leeroo.ledger.opening import open_ledger

PRICE = 1_000_000
PROCESSES, THREADS, CALLS = 8, 8, 8
WORKER = """
import json, sys, threading
from leeroo import BudgetExceeded
from leeroo.ledger.opening import open_ledger

url, name, threads, calls, price = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
ledger, done, refused = open_ledger(url), [], []

def work(thread):
    for i in range(calls):
        call = f"{name}-{thread}-{i}"
        try:
            reservation = ledger.reserve(call, f"acme/team-{thread % 2}/user-{name}", price)
        except BudgetExceeded:
            refused.append(call)
        else:
            ledger.settle(reservation, price)
            done.append(call)

running = [threading.Thread(target=work, args=(t,)) for t in range(threads)]
[t.start() for t in running]
[t.join() for t in running]
print(json.dumps([done, refused]))
"""
VICTIM = """
import os, signal, sys
from leeroo.ledger.opening import open_ledger

url, call, step, price = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
ledger = open_ledger(url)

def die_at(name):
    if name == step:
        os.kill(os.getpid(), signal.SIGKILL)

if step.startswith("inside"):
    name = {"inside reserve": "_take", "inside settle": "_exchange"}[step]
    method = getattr(type(ledger), name)
    def killed(self, *args, **kwargs):
        method(self, *args, **kwargs)
        die_at(step)
    setattr(type(ledger), name, killed)
die_at("before reserve")
reservation = ledger.reserve(call, "acme", price)
die_at("after reserve")
ledger.settle(reservation, price // 2)
die_at("after settle")
"""


def start(program, *args):
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_processes_and_threads_spend_a_limit_to_the_last_call_and_never_pass_it(url, ledger):
    total = PROCESSES * THREADS * CALLS
    ledger.set_limit(Limit.of("acme", "total", "usd", total * PRICE / 2 / 1e9))
    running = [start(WORKER, url, n, THREADS, CALLS, PRICE) for n in range(PROCESSES)]
    done, refused = [], []
    for process in running:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        for into, found in zip((done, refused), json.loads(out), strict=True):
            into += found
    row = ledger.limits("acme")[0]
    assert (row["used"], row["reserved"]) == (total * PRICE // 2, 0)
    assert len(done) == len(refused) == total // 2
    assert sum(day["cost"] for day in ledger.spend()) == total * PRICE // 2
    with create_engine(url).connect() as connection:
        r = schema.reservations.c
        assert set(connection.execute(select(r.call_id).where(r.state == "settled")).scalars()) == set(done)
        assert connection.execute(select(func.count()).select_from(schema.reservations)).scalar() == len(done)


def test_kills_at_every_step_lose_nothing_and_charge_nothing_twice(url, ledger):
    ledger.set_limit(Limit.of("acme", "total", "usd", 1))
    expected = {  # step: (spent, reserved) afterwards
        "before reserve": (0, 0),
        "inside reserve": (0, 0),
        "after reserve": (0, PRICE),
        "inside settle": (0, PRICE),
        "after settle": (PRICE // 2, 0),
    }
    running = {step: start(VICTIM, url, step, step, PRICE) for step in expected}
    for process in running.values():
        _, err = process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL, err
    row = ledger.limits("acme")[0]
    assert row["used"] == sum(spent for spent, _ in expected.values())
    assert row["reserved"] == sum(reserved for _, reserved in expected.values())
    held = ledger.open_reservations("acme")
    assert {h["call_id"] for h in held} == {"after reserve", "inside settle"}
    # Their true cost becomes known to another process: charged once, however often it is said.
    other = open_ledger(url)
    for _ in range(2):
        for reservation in held:
            other.settle(reservation["id"], PRICE // 2)
    row = ledger.limits("acme")[0]
    assert (row["used"], row["reserved"]) == (3 * PRICE // 2, 0)
    other.close()
