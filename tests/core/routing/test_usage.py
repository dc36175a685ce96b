"""What endpoints claim to have used, and what is made of it."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeroo import Query, Usage
from leeroo.routing.usage import MOST_TOKENS, Claim, read_usage, settled

OWN = Usage(50, 20)


def read(*claim, **more):
    return read_usage(Claim(*claim), lambda: OWN, sent=100, expert="e", **more)


def test_a_sound_claim_is_believed():
    assert read(90, 30, 120, 10, 40) == Usage(90, 30, 40)
    assert read(90, 30) == Usage(90, 30)
    assert read(90.0, 30) == Usage(90, 30)


def test_nothing_claimed_is_counted():
    assert read_usage(None, lambda: OWN) == Usage(50, 20, estimated=True)
    assert read() == Usage(50, 20, estimated=True)


@pytest.mark.parametrize("bad", [-1, -(10**9), float("nan"), float("inf"), 10**400, 10**16, "12", True, [], {}, 1.5])
def test_an_impossible_number_is_replaced_by_our_own_and_logged(bad, caplog):
    with caplog.at_level(logging.WARNING):
        assert read(bad, 30) == Usage(50, 30, estimated=True)
        assert read(90, bad) == Usage(90, 20, estimated=True)
        assert read(90, 30, None, None, bad) == Usage(90, 30, estimated=True)
    assert caplog.text.count("impossible usage") == 3


def test_null_is_not_nothing():
    assert read(0, 0) == Usage(50, 20, estimated=True)
    assert read_usage(Claim(9, 0), lambda: Usage(9, 0)) == Usage(9, 0)  # an empty answer
    assert read(90, None) == Usage(90, 20, estimated=True)
    assert read(None, 30) == Usage(50, 30, estimated=True)


def test_far_more_than_was_sent_is_not_believed():
    assert read(10_000_000, 30) == Usage(50, 30, estimated=True)
    assert read(1_500, 30) == Usage(1_500, 30)  # a provider's own system prompt


def test_thinking_beside_the_answer_is_paid_for():
    assert read(90, 5, 120, 25) == Usage(90, 30)  # xAI: beside, and in the total
    assert read(90, 5, None, 25) == Usage(90, 30)  # more than the answer: it cannot lie within it
    assert read(90, 5, 120) == Usage(90, 30, estimated=True)  # Gemini: in the total only


def test_a_total_below_its_parts_does_not_lower_them(caplog):
    assert read(90, 30, 1) == Usage(90, 30, estimated=True)
    assert "total" in caplog.text


WILD = st.one_of(
    st.none(), st.integers(), st.floats(), st.text(), st.booleans(), st.sampled_from([10**400, -1, 0, MOST_TOKENS])
)


@given(st.tuples(*[WILD] * 5))
def test_reading_never_fails_and_gives_what_can_be_booked(claim):
    usage = read_usage(Claim(*claim), lambda: OWN, sent=100)
    assert usage.is_sound
    assert usage.cached_tokens <= usage.input_tokens


def test_a_count_that_fails_is_no_error():
    assert read_usage(None, lambda: 1 // 0, sent=100) == Usage(100, 0, estimated=True)


@pytest.mark.parametrize(
    "usage", [Usage(-5, 1), Usage(1, 10**30), Usage(float("nan"), 1), Usage("1", 1), Usage(1, None)]
)
def test_settling_cannot_fail_whatever_an_adapter_reports(make_router, usage):
    with make_router().open(Query("Hello")) as call:
        attempt = next(call.attempts())
        attempt.succeeded(usage)
    record = call.record
    assert record["cost"] == attempt.reserved / 1e9
    assert record["cost_is_estimate"]
    assert settled(usage, OWN, "e") == Usage(50, 20, estimated=True)
