"""Paced limits in a ledger: how far they are used, the shape of a day, and a router that minds them."""

import pytest

from leeroo import Budget, BudgetExceeded, ConfigError, Query, Router, Usage
from leeroo.ledger.limits import SECOND, Limit
from leeroo.ledger.opening import open_ledger
from leeroo.ledger.pacing import BUCKETS, share
from leeroo.prediction import ConstantPredictor

USD = 10**9
MIDNIGHT = 20_000 * 86_400.0


@pytest.fixture
def now(now):
    now[0] = MIDNIGHT
    return now


def test_meters_say_how_far_paced_limits_are_used(ledger, now):
    ledger.set_limit(Limit.of("a", "day", "usd", 2, pace=True))
    ledger.set_limit(Limit.of("*", "hour", "tokens", 1000, pace=True, hard=False))
    ledger.set_limit(Limit.of("a/b", "day", "usd", 1))
    now[0] += 1800
    ledger.settle(ledger.reserve("1", "a/b", USD, tokens=10), USD // 2, tokens=7)
    ledger.reserve("2", "a/b", USD // 4, tokens=5)
    by_unit = {meter.unit: meter for meter in ledger.remaining("a/b").paced}
    assert set(by_unit) == {"usd", "tokens"}
    assert by_unit["usd"][2:] == ("usd", 2 * USD, USD * 3 // 4, pytest.approx(1 / 48))
    assert by_unit["tokens"][2:] == ("tokens", 1000, 12, pytest.approx(0.5))
    assert by_unit["usd"].window == int(MIDNIGHT) * SECOND
    assert ledger.remaining("c").paced[0].unit == "tokens"


def test_the_days_before_teach_when_calls_come(ledger, now):
    ledger.set_limit(Limit.of("a", "day", "usd", 2, pace=True))
    for day in range(2):
        for n in range(150):  # all between noon and half past
            now[0] = MIDNIGHT + day * 86_400 + 43_200 + n
            ledger.settle(ledger.reserve(f"{day}-{n}", "a/b" if n % 3 else "a", 1), 1)
    ledger.reserve("elsewhere", "b", 1)

    def elapsed(hour):
        now[0] = MIDNIGHT + 2 * 86_400 + hour * 3600
        return ledger.remaining("a").paced[0].elapsed

    assert elapsed(12) == pytest.approx(0.5 * 100 / 400)
    assert elapsed(12.5) == pytest.approx((100 * 25 / BUCKETS + 300) / 400)
    assert elapsed(24 - 1e-6) == pytest.approx(1)


def test_a_share_is_read_between_the_buckets():
    assert [share([0.25, 1.0], at) for at in (0, 0.25, 0.5, 0.75, 1, 2)] == [0, 0.125, 0.25, 0.625, 1, 1]


def test_limits_that_cannot_be_paced_say_why():
    with pytest.raises(ConfigError, match=r"total cannot be paced: a total has no end"):
        Limit.of("a", "total", "usd", 1, pace=True)
    with pytest.raises(ConfigError, match="every expert's call counts one"):
        Limit.of("a", "day", "calls", 1, pace=True)


def test_a_router_spreads_a_paced_limit_and_says_so(tmp_path, pool):
    ledger = open_ledger(f"sqlite:///{tmp_path}/l.db")
    moment = [MIDNIGHT]
    ledger._clock = lambda: moment[0]
    router = Router(pool, predictor=ConstantPredictor({"small": 0.6, "medium": 0.7, "large": 0.9}), ledger=ledger)
    amount, spent, rules, served = 0.4, 0.0, [], 0
    ledger.set_limit(Limit.of("a", "hour", "usd", amount, pace=True))
    for n in range(100):  # `large` for all would cost 1.1 USD, `small` 0.022
        moment[0] = MIDNIGHT + 36 * n
        try:
            call = router.open(Query(text="hi", max_tokens=100), Budget(scope="a"))
        except BudgetExceeded:
            continue
        with call:
            attempt = next(iter(call.attempts()))
            attempt.succeeded(Usage(10, 100))
        record = call.record
        spent += record["cost"]
        served += 1
        rules.append(record["rule"])
    ledger.close()
    assert served == 100
    assert 0.9 * amount <= spent <= amount
    assert all(rule.startswith("paced, a right answer is worth ") for rule in rules)
    assert router.open(Query(text="hi")).record["rule"] == "cheapest within 0.02 of the best"
