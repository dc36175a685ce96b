"""A ledger with a month of calls, as rows of its tables."""

import random
from collections import Counter
from datetime import UTC, datetime

import pytest

from leeroo.ledger import schema
from leeroo.ledger.limits import SECOND, Limit
from leeroo.ledger.opening import open_ledger

BEGIN = 1_772_323_200  # 2026-03-01 00:00 UTC, a Sunday
HOSTILE = "<img src=x onerror=hacked()>"
PRICES = {"small": 400_000, "medium": 2_500_000, "large": 30_000_000, HOSTILE: 900_000}
SECONDS = {"small": 0.4, "medium": 1.1, "large": 3.5, HOSTILE: 0.8}
HOSTILE_SCOPES = (
    "acme/search/ana",
    "acme/search/bo",
    "acme/support",
    "lab",
    f"lab/{HOSTILE}</script>",
    "{{data}}",
    None,
)
SCOPES = ("acme/search/ana", "acme/search/bo", "acme/support", "lab", "lab/ml", "web", None)


def month(calls, begin, hostile):
    """Rows of the tables: calls, attempts, feedback, reservations and daily sums, with odd nano-dollars."""
    rng = random.Random(7)
    names = [name for name in PRICES if hostile or name != HOSTILE]
    scopes = HOSTILE_SCOPES if hostile else SCOPES
    rows = {name: [] for name in ("calls", "attempts", "feedback", "reservations")}
    daily = Counter()
    for number in range(calls):
        at = int((begin + 30 * 86_400 * (number + rng.random()) / calls) * SECOND)
        scope = rng.choices(scopes, (30, 14, 25, 12, 3, 2, 8))[0]
        expert = rng.choices(names, (60, 25, 12, 3)[: len(names)])[0]
        place = {"call_id": f"{number:032x}", "scope": scope, "at": at}
        day = datetime.fromtimestamp(at // SECOND, UTC).date().isoformat()
        answered = rng.random() > 0.02
        tries = [(expert, None if answered else "timeout")]
        if rng.random() < 0.08:
            kind = rng.choice(("timeout", "rate_limit", "server_error", "budget"))
            tries.insert(0, (rng.choice(names), kind))
        spent = 0
        for turn, (name, error) in enumerate(tries):
            cost = 0 if error in ("rate_limit", "budget") else round(PRICES[name] * rng.uniform(0.4, 2.2))
            spent += cost
            latency = SECONDS[name] * rng.lognormvariate(0, 0.5)
            rows["attempts"].append(
                {"call_id": place["call_id"], "number": turn, "expert": name, "error": error, "status": None,
                 "latency": latency, "cost": cost}
            )  # fmt: skip
            rows["reservations"].append(
                {**place, "expert": name, "model": f"{name}-1", "lease": at, "state": "settled", "nano": 2 * cost,
                 "tokens": 900, "calls": int(turn == 0), "cost": cost, "cost_tokens": 500}
            )  # fmt: skip
            daily[day, scope or "", name, f"{name}-1", "cost"] += cost
        centre = {"small": 0.66, "medium": 0.78, "large": 0.9}.get(expert, 0.5)
        quality = min(0.98, max(0.05, rng.gauss(centre, 0.1)))
        reference = round(PRICES["large"] * rng.uniform(0.8, 1.8)) if answered else None
        saved = reference - spent if answered else None
        daily[day, scope or "", expert, f"{expert}-1", "calls"] += 1
        daily[day, scope or "", expert, f"{expert}-1", "saved"] += saved or 0
        rows["calls"].append(
            {**place, "expert": expert, "model": f"{expert}-1", "predicted_quality": quality,
             "adequate": rng.random() < 0.93, "input_tokens": rng.randint(50, 4000) if answered else None,
             "output_tokens": rng.randint(10, 900) if answered else None, "cached_tokens": 0, "cost": spent,
             "cost_is_estimate": False, "reference_expert": "large", "reference_cost": reference, "saved": saved,
             "router_latency": 0.004}
        )  # fmt: skip
        if answered and rng.random() < 0.3:
            row = {
                "call_id": place["call_id"],
                "at": at + 60 * SECOND,
                "score": float(rng.random() < quality),
                "note": None,
            }
            rows["feedback"] += [{**row, "score": 0.0}] * (number % 3 == 0) + [row]  # some think again
    keys = {key[:4] for key in daily}
    rows["daily"] = [
        {**dict(zip(("day", "scope", "expert", "model"), key, strict=True)), "attempts": 0, "tokens": 0,
         **{name: daily[(*key, name)] for name in ("cost", "calls", "saved")}}
        for key in sorted(keys)
    ]  # fmt: skip
    return rows


def fill(ledger, calls=240, begin=BEGIN, hostile=True):
    """Write a month of calls, and limits on them."""
    with ledger._database.write() as connection:
        for name, rows in month(calls, begin, hostile).items():
            connection.execute(schema.tables.tables[name].insert(), rows)
    ledger.set_limit(Limit.of("acme", "month", "usd", 5.0))
    ledger.set_limit(Limit.of("acme/search", "day", "usd", 0.08, hard=False))
    ledger.set_limit(Limit.of("*", "total", "calls", 1_000))
    return ledger


@pytest.fixture(scope="session")
def filled(tmp_path_factory):
    """URL of a filled ledger, and the ledger."""
    url = f"sqlite:///{tmp_path_factory.mktemp('report')}/leeroo.db"
    ledger = fill(open_ledger(url))
    yield url, ledger
    ledger.close()


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium."""
    from tests.browser import Browser

    opened = Browser()
    yield opened
    opened.driver.quit()
