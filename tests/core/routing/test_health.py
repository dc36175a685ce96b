import pytest

from leeroo import Latency
from leeroo.routing.failures import Failure
from leeroo.routing.health import FAILURES_TO_OPEN, FIRST_COOL_DOWN, LONGEST_COOL_DOWN, REFUSES, REPAIR_TIME, Health

DOWN = Failure("server", status=503)


@pytest.fixture
def health(clock):
    return Health(clock)


@pytest.fixture
def expert(make_expert):
    return make_expert()


def fail(health, expert, times=1, failure=DOWN):
    for _ in range(times):
        health.admit(expert)
        health.failed(expert, failure)


def test_three_failures_in_a_row_open_the_breaker_and_time_closes_it_to_a_probe(health, expert, clock):
    fail(health, expert, FAILURES_TO_OPEN - 1)
    assert health.why_not(expert) is None
    fail(health, expert)
    assert health.why_not(expert) == "cooling down for 5 s after 3 failures"
    clock.now += FIRST_COOL_DOWN
    assert health.why_not(expert) is None
    health.admit(expert)
    assert health.why_not(expert) == "being probed after failures"
    health.succeeded(expert, 1.0, 10)
    assert health.why_not(expert) is None
    fail(health, expert)
    assert health.why_not(expert) is None


def test_a_failed_probe_doubles_the_cool_down_up_to_a_limit(health, expert, clock):
    fail(health, expert, FAILURES_TO_OPEN)
    waits = []
    for _ in range(10):
        wait = 0
        while health.why_not(expert):
            clock.now += 1
            wait += 1
        waits.append(wait)
        fail(health, expert)
    assert waits == [5, 10, 20, 40, 80, 160, *[int(LONGEST_COOL_DOWN)] * 4]


def test_a_probe_that_is_given_up_lets_the_next_one_probe(health, expert, clock):
    fail(health, expert, FAILURES_TO_OPEN)
    clock.now += FIRST_COOL_DOWN
    health.admit(expert)
    health.failed(expert, Failure("cancelled"))
    assert health.why_not(expert) is None


def test_retry_after_is_kept_at_the_first_failure(health, expert, clock):
    fail(health, expert, failure=Failure("rate_limit", retry_after=30.0))
    assert "30 s" in health.why_not(expert)
    clock.now += 30
    assert health.why_not(expert) is None


@pytest.mark.parametrize(
    "kind", ["bad_request", "unsupported", "content_filter", "context_overflow", "cancelled", "other"]
)
def test_the_requests_own_faults_do_not_count(health, expert, kind):
    fail(health, expert, 10, Failure(kind))
    assert health.why_not(expert) is None


@pytest.mark.parametrize("kind", ["auth", "credit", "not_found", "region", "config"])
def test_an_expert_that_somebody_must_repair_is_put_aside_with_the_reason(health, expert, clock, kind):
    fail(health, expert, 1, Failure(kind, status=403))
    assert health.why_not(expert).startswith(f"{REFUSES}, for {REPAIR_TIME:.0f} s: {kind} (HTTP 403): ")
    assert health.breaker(expert) == "closed", "it is no outage: a call that has nobody else may ask it"
    clock.now += REPAIR_TIME
    assert health.why_not(expert) is None
    fail(health, expert, 1, Failure(kind))
    health.succeeded(expert, 1.0, 10)
    assert health.why_not(expert) is None


def test_experts_fail_separately(health, make_expert):
    fail(health, make_expert("a"), 3)
    assert health.why_not(make_expert("a"))
    assert health.why_not(make_expert("b")) is None


def test_latency_is_declared_until_it_is_measured(health, make_expert):
    assert health.latency(make_expert("unknown"), 100) is None
    expert = make_expert(latency=Latency(first_token=0.5, per_token=0.01))
    assert health.latency(expert, 100) == pytest.approx(1.5)
    for _ in range(60):
        health.succeeded(expert, 4.2, 100, first_token=0.2)
    assert health.latency(expert, 100) == pytest.approx(4.2, abs=0.01)
    assert health.latency(expert, 200) == pytest.approx(8.2, abs=0.01)


def test_an_answer_of_no_tokens_is_no_division_by_zero(health, expert):
    health.succeeded(expert, 1.0, 0)
    assert health.latency(expert, 1) == pytest.approx(1.0)


def test_calls_that_fail_together_are_one_failure(clock, make_expert):
    health, expert = Health(clock), make_expert()
    clock.now += 0.3
    for _ in range(16):  # all were under way when the first one failed
        health.failed(expert, Failure("connection"), seconds=0.3)
    assert health.why_not(expert) is None
    for _ in range(2):
        clock.now += 1
        health.failed(expert, Failure("connection"), seconds=0.3)
    assert health.wait(expert) == 5.0  # three in a row, and not sixteen
