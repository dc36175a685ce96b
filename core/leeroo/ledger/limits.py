"""Limits on scopes, and the windows that they hold in. Arithmetic only: no database in here.

Minutes and hours are aligned to UTC and always last 60 and 3,600 seconds, so no change of clocks can lengthen one. Days
and months begin at local midnight of the limit's time zone, so a day may last 23 or 25 hours.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

from leeroo.errors import ConfigError, LeerooError, did_you_mean
from leeroo.money import exact_usd, to_nano, to_usd
from leeroo.scopes import check_scope as check_scope
from leeroo.visible import counted

Per = Literal["minute", "hour", "day", "month", "total"]
Unit = Literal["usd", "tokens", "calls"]
PERS: tuple[Per, ...] = ("minute", "hour", "day", "month", "total")
UNITS: tuple[Unit, ...] = ("usd", "tokens", "calls")
EVERYTHING = "*"
"""The scope above all others: its limits hold for calls without a scope, too."""
MOST = 2**60
"""The largest amount that sums of 64-bit integers can still be trusted with."""
SECOND = 1_000_000
"""Times in the ledger are whole microseconds since 1970 UTC."""


class LedgerError(LeerooError):
    """The ledger cannot be opened, read or written; the message names which one and why."""


class UnfitData(LedgerError):
    """The ledger is well, but refuses this one write or question: a name or number that its columns cannot hold.

    No outage: going on without the ledger would let a caller turn off its own limits, and trying again is of no use.
    """


@dataclass(frozen=True, slots=True)
class Limit:
    """What a scope may use within a window.

    Attributes:
        scope: The account, "acme/team-a"; "*" is all calls.
        per: The window.
        unit: What is counted.
        amount: Nano-dollars, tokens or calls.
        hard: True refuses what would pass it, False warns and records.
        zone: Time zone of days and months.
        pace: Whether the router should spread it over its window.
        id: Key in the ledger, 0 before it is stored.
    """

    scope: str
    per: Per
    unit: Unit
    amount: int
    hard: bool = True
    zone: str = "UTC"
    pace: bool = False
    id: int = 0

    @classmethod
    def of(cls, scope: str, per: str, unit: str, amount: float, **more: Any) -> "Limit":
        """A limit as people write it: USD, not nano-dollars.

        Raises:
            ConfigError: An unknown window, unit or time zone, a malformed scope, an amount out of range, or a limit
                that cannot be paced.
        """
        if per not in PERS:
            raise ConfigError(f"Unknown window {per!r}.{did_you_mean(per, PERS)}")
        if unit not in UNITS:
            raise ConfigError(f"Unknown unit {unit!r}.{did_you_mean(unit, UNITS)}")
        if isinstance(amount, bool) or not 0 <= amount <= to_usd(MOST):
            raise ConfigError(f"amount is {amount!r}; give 0 or more, at most {to_usd(MOST):g}.")
        if unit != "usd" and amount != int(amount):
            raise ConfigError(f"amount is {amount!r}; {unit} are whole.")
        if more.get("pace") and (per == "total" or unit == "calls"):
            why = "a total has no end" if per == "total" else "every expert's call counts one"
            raise ConfigError(f"A limit of {unit} per {per} cannot be paced: {why}. Pace usd or tokens of a window.")
        found = cls(
            check_scope(scope),
            per,
            unit,
            to_nano(amount) if unit == "usd" else int(amount),
            **more,
        )
        _zone(found.zone)
        return found

    def window(self, moment: int) -> tuple[int, int | None]:
        """Start (included) and end (excluded, None: never) of the window that a moment lies in, in microseconds."""
        return window(self.per, self.zone, moment)

    def shown(self, amount: int) -> str:
        """An amount of this limit's unit, for people."""
        return exact_usd(amount) if self.unit == "usd" else counted(amount, self.unit.removesuffix("s"))

    def resets(self, moment: int) -> str:
        """When the window ends, in the limit's time zone."""
        end = self.window(moment)[1]
        return "never" if end is None else datetime.fromtimestamp(end / SECOND, _zone(self.zone)).isoformat()

    def refusal(self, used: int, asked: int, moment: int) -> str:
        """The message of a call that would pass this limit."""
        window_name = "in total" if self.per == "total" else f"per {self.per} ({self.zone})"
        return (
            f"Scope {self.scope!r} may use {self.shown(self.amount)} {window_name}; {self.shown(used)} spent or "
            f"reserved, and the next attempt may take {self.shown(asked)}. Resets: {self.resets(moment)}."
        )


def ancestors(scope: str | None) -> tuple[str, ...]:
    """The scope and all above it, the widest first: "a/b" gives ("*", "a", "a/b")."""
    if scope is None or scope == EVERYTHING:
        return (EVERYTHING,)
    parts = check_scope(scope).split("/")
    return (EVERYTHING, *("/".join(parts[: i + 1]) for i in range(len(parts))))


def window(per: Per, zone: str, moment: int) -> tuple[int, int | None]:
    """Start (included) and end (excluded, None: never) of the window around a moment, in microseconds."""
    if per == "total":
        return 0, None
    if per in ("minute", "hour"):
        length = (60 if per == "minute" else 3600) * SECOND
        start = moment - moment % length
        return start, start + length
    local = datetime.fromtimestamp(moment // SECOND, _zone(zone)).date()
    if per == "month":
        first = local.replace(day=1)
        following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    else:
        first, following = local, local + timedelta(days=1)
    return _midnight(first, zone), _midnight(following, zone)


@lru_cache(maxsize=256)
def _midnight(day: date, zone: str) -> int:
    # Where clocks change at midnight, fold=0 gives the first midnight, or the moment that clocks leapt over it.
    return int(datetime(day.year, day.month, day.day, tzinfo=_zone(zone)).astimezone(UTC).timestamp()) * SECOND


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ConfigError(f"Unknown time zone {name!r}; give an IANA name such as Europe/Berlin.") from None
