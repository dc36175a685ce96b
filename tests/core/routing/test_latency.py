import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeroo import Budget, Latency, NoEligibleExpert, Query
from leeroo.routing.failures import Failure
from leeroo.routing.health import Health
from leeroo.routing.latency import ENOUGH_FOR_P95, FORGOTTEN_AFTER, LatencyEstimate


def test_the_line_tells_begin_from_rate():
    estimate = LatencyEstimate()
    for tokens in (10, 100, 400):
        estimate.observe(0.0, 0.5 + 0.01 * tokens, tokens)
    assert estimate.seconds_for(200, 0.0) == pytest.approx(2.5)


def test_the_first_token_of_streams_tells_it_from_answers_of_one_length():
    estimate = LatencyEstimate()
    for _ in range(5):
        estimate.observe(0.0, 4.2, 100, first_token=0.2)
    assert estimate.seconds_for(200, 0.0) == pytest.approx(8.2)


def test_p95_is_told_from_the_median_once_there_are_enough():
    estimate = LatencyEstimate()
    for n in range(ENOUGH_FOR_P95 * 2):
        assert (estimate.seconds_for(100, 0.0, slow=True) is None) == (n < ENOUGH_FOR_P95)
        estimate.observe(0.0, 10.0 if n % 10 == 9 else 1.0, 100)
    assert estimate.seconds_for(100, 0.0) == pytest.approx(1.0)
    assert estimate.seconds_for(100, 0.0, slow=True) == pytest.approx(10.0)


def test_old_answers_are_forgotten_so_that_a_slow_expert_gets_its_next_chance():
    estimate = LatencyEstimate()
    estimate.observe(0.0, 60.0, 100)
    assert estimate.seconds_for(100, FORGOTTEN_AFTER) == pytest.approx(60.0)
    assert estimate.seconds_for(100, FORGOTTEN_AFTER + 1) is None
    estimate.observe(FORGOTTEN_AFTER + 1, 1.0, 100)
    assert estimate.seconds_for(100, FORGOTTEN_AFTER + 1) == pytest.approx(1.0)


answers = st.lists(
    st.tuples(st.floats(0, 1000), st.integers(0, 10**6), st.none() | st.floats(0, 1000)), min_size=1, max_size=200
)


@settings(deadline=None)
@given(answers, st.integers(0, 10**6), st.floats(0, 100))
def test_estimates_are_finite_never_negative_and_p95_is_no_quicker_than_the_median(seen, tokens, begin):
    estimate = LatencyEstimate(begin)
    for seconds, length, first in seen:
        estimate.observe(0.0, seconds, length, first)
    median, slow = estimate.seconds_for(tokens, 0.0), estimate.seconds_for(tokens, 0.0, slow=True)
    assert 0 <= median < float("inf")
    assert slow is None or slow >= median


def test_max_latency_is_held_against_the_95th_percentile(make_router):
    router = make_router()
    for n in range(40):
        router.health.succeeded(router.pool["large"], 5.0 if n % 10 == 9 else 1.0, 100)
    with router.open(Query(text="hi"), Budget(max_latency=3)) as call:
        assert call.decision.expert.name == "medium"
        why = {c.expert.name: c.ineligible for c in call.decision.candidates}
    assert why["large"] == "1 in 20 answers takes 5.00 s or more, over max_latency=3"


def test_who_is_late_now_and_then_answers_where_nobody_else_can(make_router):
    router = make_router()
    for n in range(40):
        router.health.succeeded(router.pool["large"], 5.0 if n % 10 == 9 else 1.0, 100)
    with router.open(Query(text="hi"), Budget(max_latency=3, expert="large")) as call:
        assert call.decision.expert.name == "large"
    with pytest.raises(NoEligibleExpert, match=r"large: about 1\.00 s"):
        router.open(Query(text="hi"), Budget(max_latency=0.5, expert="large"))


@pytest.mark.parametrize(("given_seconds", "counts"), [(0.05, False), (1.5, True), (5.0, True)])
def test_a_caller_in_a_hurry_does_not_close_an_expert_to_others(make_expert, given_seconds, counts):
    health, expert = Health(), make_expert(timeout=5.0, latency=Latency(first_token=0.1))
    for _ in range(3):
        health.failed(expert, Failure("timeout"), given=given_seconds)
    assert (health.why_not(expert) is not None) == counts
