"""Many processes on one ledger, and processes that are killed: no limit passed, nothing lost, nothing charged twice.

The first and the last are benchmarks/ledger_soak.py at a smaller size.
"""

import signal
import subprocess
import sys

from benchmarks.ledger_soak import crowd, kills
from leeroo.ledger.limits import Limit
from leeroo.ledger.opening import open_ledger

PRICE = 1_000_000
VICTIM = """
import os, signal, sys
from leeroo.ledger import at_once
from leeroo.ledger.opening import open_ledger

url, price = sys.argv[1], int(sys.argv[2])
ledger = open_ledger(url)

def live(step):
    def die_at(name):
        if name == step:
            os.kill(os.getpid(), signal.SIGKILL)

    if step.startswith("inside"):  # between two statements of a transaction; PostgreSQL's usual way has one only
        at_once.reserve = at_once.settle = lambda *_: None
        name = {"inside reserve": "_take", "inside settle": "_exchange"}[step]
        method = getattr(type(ledger), name)
        def killed(self, *args, **kwargs):
            method(self, *args, **kwargs)
            die_at(step)
        setattr(type(ledger), name, killed)
    die_at("before reserve")
    reservation = ledger.reserve(step, "acme", price)
    die_at("after reserve")
    ledger.settle(reservation, price // 2)
    die_at("after settle")

for step in sys.argv[3:]:
    child = os.fork()
    if not child:
        live(step)
    status = os.waitpid(child, 0)[1]
    print(os.WIFSIGNALED(status) and os.WTERMSIG(status))
"""


def test_processes_and_threads_spend_a_limit_to_the_last_call_and_never_pass_it(url):
    found = crowd(url, processes=3, threads=8, calls=4)
    assert found["paid"] == found["refused"] == 48


def test_kills_at_every_step_lose_nothing_and_charge_nothing_twice(url, ledger):
    ledger.set_limit(Limit.of("acme", "total", "usd", 1))
    expected = {  # step: (spent, reserved) afterwards
        "before reserve": (0, 0),
        "inside reserve": (0, 0),
        "after reserve": (0, PRICE),
        "inside settle": (0, PRICE),
        "after settle": (PRICE // 2, 0),
    }
    command = [sys.executable, "-c", VICTIM, url, str(PRICE), *expected]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert ran.stdout.split() == [str(int(signal.SIGKILL))] * len(expected), ran.stderr
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


def test_kills_at_random_moments_lose_nothing_and_charge_nothing_twice(url):
    assert kills(url, deaths=8, at_once=4)["deaths"] == 8
