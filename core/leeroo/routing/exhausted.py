"""The error of a call that nobody has answered: `nobody_answered`."""

from collections.abc import Sequence
from typing import Any

from leeroo.errors import ExpertsFailed
from leeroo.money import exact_usd
from leeroo.routing.answers import UselessAnswer
from leeroo.routing.failures import Failure, most_telling


def nobody_answered(
    record: dict[str, Any],
    attempts: Sequence[dict[str, Any]],
    met: Sequence[tuple[Failure, BaseException]],
    spent: int,
) -> ExpertsFailed:
    """Who failed and how, what it cost, and as the cause the failure that says most of what may help.

    Args:
        record: Of the call.
        attempts: Its lines on the record, one for each try.
        met: What experts raised, and what it means.
        spent: Nano-dollars on the record.
    """
    failures = "; ".join(f"{a['expert']}: {a['error']}" for a in attempts) or "none could be tried"
    bill = f" {exact_usd(spent)} is on the record." if spent else " Nothing was spent."
    failure, cause = most_telling(met) if met else (None, None)
    kind, status = (failure.kind, failure.status) if failure else (None, None)
    remedy = f" {kind}: {failure.remedy}" if failure and failure.remedy else ""
    if kind == "config" or isinstance(cause, UselessAnswer):
        remedy = f" {cause}"  # our own words, which name what is missing
    error = ExpertsFailed(f"No expert answered ({failures}).{bill}{remedy}", record, kind, status)
    error.__cause__ = cause
    return error
