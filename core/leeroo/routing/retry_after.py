"""When a provider wants to be asked again: `retry_after`."""

from collections.abc import Iterable, Mapping

LONGEST_WAIT = 3600.0
"""Seconds; a provider that asks for more is asked again after an hour."""


def retry_after(chain: Iterable[BaseException]) -> float | None:
    """Seconds, from the headers of the first error that has one; None where none does."""
    for link in chain:
        headers = getattr(getattr(link, "response", None), "headers", None)
        if not isinstance(headers, Mapping):
            continue
        if (milliseconds := headers.get("retry-after-ms")) is not None:  # OpenAI's and Azure's, finer than seconds
            found = _seconds(str(milliseconds), unit=0.001)
            if found is not None:
                return found
        if (value := headers.get("retry-after")) is not None:
            return _seconds(str(value))
    return None


def _seconds(retry_after: str, unit: float = 1.0) -> float | None:
    """Seconds of a Retry-After header: a number, or the date of HTTP."""
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    try:
        seconds = float(retry_after) * unit
    except ValueError:
        try:
            when = parsedate_to_datetime(retry_after)
        except ValueError:
            return None
        seconds = ((when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()
    return min(max(0.0, seconds), LONGEST_WAIT) if seconds == seconds else None
