"""Calls against a server that fails in every way in random order, and what must hold of each."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from leeroo import Budget, Expert, LeerooError, Price, Router
from leeroo.endpoints.openai_compatible import ask
from leeroo.ledger.memory import Ledger
from leeroo.prediction import ConstantPredictor
from leeroo.routing import health
from tests.openai_server import Behaviour, OpenAIServer

WAYS: dict[str, Behaviour] = {
    "rate limit, wait": Behaviour(status=429, retry_after=0.05),
    "rate limit, long wait": Behaviour(status=429, retry_after=1.5),
    "rate limit": Behaviour(status=429),
    "server": Behaviour(status=500),
    "unavailable": Behaviour(status=503),
    "gateway timeout": Behaviour(status=504),
    "bad request": Behaviour(status=400),
    "no key": Behaviour(status=401),
    "no credit": Behaviour(status=402),
    "no such model": Behaviour(status=404),
    "overflow": Behaviour(status=400, code="context_length_exceeded", message="maximum context length is 10 tokens"),
    "filter": Behaviour(status=400, code="content_filter", message="The response was filtered"),
    "silence": Behaviour(hang=5),
    "slow": Behaviour(hang=0.2),
    "drip": Behaviour(drip=0.05),
    "drop": Behaviour(drop=True),
    "garbage": Behaviour(raw="<html>no JSON</html>"),
    "no body": Behaviour(raw=""),
    "no choices": Behaviour(raw="{}"),
    "wrong types": Behaviour(raw='{"choices": 3, "usage": []}'),
    "no usage": Behaviour(usage=False),
    "no text": Behaviour(text=""),
    "claims less than nothing": Behaviour(claim={"prompt_tokens": -(10**9), "completion_tokens": -5}),
    "claims a world": Behaviour(claim={"prompt_tokens": 10**400, "completion_tokens": 10**16}),
    "claims words": Behaviour(claim={"prompt_tokens": "many", "completion_tokens": None, "total_tokens": [1]}),
    "claims nothing": Behaviour(claim={"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}),
    "ignores the cap": Behaviour(heeds_cap=False, text="word " * 2000),
    "sends elsewhere": Behaviour(status=307, location="http://127.0.0.1:9/v1/chat/completions"),
}
WELL_SHARE = 0.4


class ChaosServer(OpenAIServer):
    """Answers well while it is `calm`; then it may fail in one of `WAYS`, by the throw of a die."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.ways: Counter[str] = Counter()
        self.calm = True
        self._dice = random.Random(seed)
        self._dice_lock = threading.Lock()

    def take(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> Behaviour:
        if self.calm:
            return Behaviour()
        with self._dice_lock:
            way = "well" if self._dice.random() < WELL_SHARE else self._dice.choice(list(WAYS))
            self.ways[way] += 1
        return WAYS.get(way, Behaviour())


def storm(
    calls: int, *, threads: int, seed: int, ledger: Ledger | None = None, minutes: float = 60, patience: float = 1.0
) -> dict[str, Any]:
    """Make calls with random budgets, hedged or not, and check each.

    Args:
        calls: How many.
        threads: How many at a time.
        seed: Of the calls and the server.
        ledger: Where they are written.
        minutes: No call is begun after that.
        patience: How many times longer the deadlines are; on a busy machine most calls would else be over before
            anybody is asked.

    Returns:
        Figures: how calls ended, what the server did, seconds past the deadline, and `faults`: what should not be.
    """
    dice = random.Random(seed)
    plans = [
        (
            Budget(
                max_cost=dice.choice((0.001, 0.01, 0.1)), max_latency=patience * dice.uniform(0.3, 1.0), scope="chaos"
            )
            if dice.random() < 0.8
            else Budget(max_cost=0.05, max_latency=0.8 * patience, min_quality=0.85, scope="chaos"),
            dice.random() < 0.3,
        )
        for _ in range(calls)
    ]
    ends: Counter[str] = Counter()
    faults: list[str] = []
    late: list[float] = []
    spent: list[int] = []
    with ChaosServer(seed) as server, _short_cool_downs():
        experts = {
            name: Expert(
                model=name, base_url=server.url, price=Price(input=price, output=2 * price), max_output_tokens=200
            )
            for name, price in (("a", 1.0), ("b", 2.0), ("c", 5.0), ("d", 20.0))
        }
        router = Router(
            experts,
            predictor=ConstantPredictor({"a": 0.6, "b": 0.7, "c": 0.8, "d": 0.9}, output_tokens=20),
            ledger=ledger,
        )

        # Tokenizers and clients load at the first call, which is none of the storm's.
        keys = ask(router, "Hello?", Budget(scope="warm-up")).record.keys()
        server.calm = False
        started = time.monotonic()

        def one(plan: tuple[Budget, bool]) -> None:
            budget, hedge = plan
            began = time.monotonic()
            if began - started > 60 * minutes:
                return
            try:
                answer = ask(router, "What is the capital of France?", budget, hedge=hedge)
                end, record = "answered", answer.record
            except LeerooError as error:
                end, record = type(error).__name__, getattr(error, "record", None) or {}
            except BaseException as error:
                ends[type(error).__name__] += 1
                faults.append(f"no clear error: {error!r}")
                return
            late.append(time.monotonic() - began - (budget.max_latency or 0.0))
            if end == "NoEligibleExpert":
                time.sleep(0.2)  # as a client would; refusals come in a millisecond, and would use up the calls
            ends[end] += 1
            spent.append(round(record.get("cost", 0.0) * 1e9))
            if record.keys() != keys:
                faults.append(f"a record with other keys: {sorted(record.keys() ^ keys)}")
            else:
                faults.extend(faults_of(record, budget, answered=end == "answered"))

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, plans))
        seconds = time.monotonic() - started
        return {
            "calls": sum(ends.values()),
            "threads": threads,
            "seconds": round(seconds, 1),
            "ends": dict(ends.most_common()),
            "requests": sum(server.ways.values()),
            "ways": dict(server.ways.most_common()),
            "worst_seconds_past_deadline": round(max(late, default=0.0), 3),
            "calls_past_deadline_by_half_a_second": sum(seconds > 0.5 for seconds in late),
            "spent_nano": sum(spent),
            "faults": faults,
        }


@contextmanager
def _short_cool_downs() -> Iterator[None]:
    """Experts are asked again soon; else most calls of a storm would find all of them cooling down."""
    names = ("FIRST_COOL_DOWN", "LONGEST_COOL_DOWN", "OVER_CAP_FOR", "REPAIR_TIME")
    before = {name: getattr(health, name) for name in names}
    for name, seconds in zip(names, (0.02, 0.1, 0.1, 0.1), strict=True):
        setattr(health, name, seconds)
    try:
        yield
    finally:
        for name, seconds in before.items():
            setattr(health, name, seconds)


def faults_of(record: dict[str, Any], budget: Budget, *, answered: bool) -> list[str]:
    """What is wrong with the record of a call that has ended."""
    found = []
    if budget.max_cost is not None and record["cost"] > budget.max_cost and not record["over_cap"]:
        found.append(f"{record['cost']} USD spent, the cap is {budget.max_cost}")
    if round(sum(a["cost"] for a in record["attempts"]) * 1e9) != round(record["cost"] * 1e9):
        found.append(f"attempts cost other than the call: {record}")
    if record["cost"] < 0:
        found.append("a call that cost less than nothing")
    right = [a for a in record["attempts"] if a["error"] is None]
    if answered != (len(right) == 1 and record["output_tokens"] is not None):
        found.append(f"answered: {answered}, but the attempts are {record['attempts']}")
    if not answered and right:
        found.append("an answer that nobody got")
    return found
