"""Windows: where they begin, when they reset, and that clocks may change in them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeroo.errors import ConfigError
from leeroo.ledger.limits import PERS, SECOND, Limit, ancestors, window

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Havana",
         "America/Sao_Paulo", "Pacific/Apia", "Asia/Kathmandu")  # fmt: skip
HOUR = 3600 * SECOND


def at(*parts):
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * SECOND


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(PERS), st.sampled_from(ZONES), st.integers(0, 2_000_000_000 * SECOND))
def test_windows_part_all_time_without_gap_or_overlap(per, zone, moment):
    begin, end = window(per, zone, moment)
    assert begin <= moment
    if end is None:
        assert per == "total"
        return
    assert moment < end
    assert window(per, zone, begin) == window(per, zone, end - 1) == (begin, end)
    assert window(per, zone, end)[0] == end


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 29, 12), 23), ((2026, 10, 25, 12), 25), ((2026, 6, 1, 12), 24)])
def test_a_day_lasts_as_long_as_it_does_where_clocks_change(day, hours):
    begin, end = window("day", "Europe/Berlin", at(*day))
    assert end - begin == hours * HOUR


def test_the_hour_that_clocks_repeat_is_two_windows():
    first, second = at(2026, 10, 25, 0, 30), at(2026, 10, 25, 1, 30)  # 02:30 twice in Berlin
    assert window("hour", "Europe/Berlin", first)[1] == window("hour", "Europe/Berlin", second)[0]


def test_a_month_begins_at_local_midnight_and_a_year_ends():
    limit = Limit.of("a", "month", "usd", 5, zone="America/New_York")
    assert limit.window(at(2026, 12, 15)) == (at(2026, 12, 1, 5), at(2027, 1, 1, 5))
    assert limit.resets(at(2026, 12, 15)) == "2027-01-01T00:00:00-05:00"


def test_scopes_have_ancestors():
    assert ancestors("acme/team-a/user-7") == ("*", "acme", "acme/team-a", "acme/team-a/user-7")
    assert ancestors(None) == ("*",)
    for wrong in ("", "/a", "a//b", "a/"):
        with pytest.raises(ConfigError):
            ancestors(wrong)


@pytest.mark.parametrize(
    ("args", "more"),
    [(("a", "week", "usd", 1), {}), (("a", "day", "eur", 1), {}), (("a", "day", "usd", -1), {}),
     (("a", "day", "usd", float("nan")), {}), (("a", "day", "calls", 1.5), {}),
     (("a", "day", "usd", 1), {"zone": "Mars"})],
)  # fmt: skip
def test_what_is_no_limit_is_refused(args, more):
    with pytest.raises(ConfigError):
        Limit.of(*args, **more)
