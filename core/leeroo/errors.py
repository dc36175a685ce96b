"""The errors a caller can meet. All derive from `LeerooError`, a `RuntimeError`.

None is a `ValueError` or `TypeError`: LlamaIndex engines swallow those into "Empty Response".
"""

import difflib
from collections.abc import Iterable


class LeerooError(RuntimeError):
    """Anything that Leeroo itself refuses or reports."""


class ConfigError(LeerooError):
    """A pool, expert, price or budget is not usable as written; the message names the place and the remedy."""


class MissingDependency(LeerooError):
    """An optional package is needed; the message says what to install."""


class BudgetExceeded(LeerooError):
    """No expert fits the money or the limits that are left. Nothing was spent on the call that raises it.

    Attributes:
        record: The call's record as far as it got, JSON-safe, or None.
    """

    def __init__(self, message: str, record: dict[str, object] | None = None) -> None:
        super().__init__(message)
        self.record = record


class NoEligibleExpert(LeerooError):
    """No expert can take the request for reasons other than money (capabilities, context window, health).

    Attributes:
        record: The call's record as far as it got, JSON-safe, or None.
        kind: "context_overflow" where a shorter prompt would find an expert, else None.
    """

    def __init__(self, message: str, record: dict[str, object] | None = None, kind: str | None = None) -> None:
        super().__init__(message)
        self.record = record
        self.kind = kind


class ExpertsFailed(LeerooError):
    """Every expert that the call could try has failed, or one failed in a way that no other could mend.

    Attributes:
        record: The call's record; `record["attempts"]` says what each attempt met and cost.
        received: What had arrived before a stream broke, in the adapter's own form, or None.
        kind: The kind of failure (`leeroo.routing.failures.Kind`) that says most of what may help: one that a wait may
            mend where there was one, else an overflow, else the newest. None where nobody was asked.
        status: The HTTP status of that failure, where there was one.

    The expert's own exception of that kind is its `__cause__`.
    """

    received: object = None

    def __init__(
        self,
        message: str,
        record: dict[str, object] | None = None,
        kind: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.record = record
        self.kind = kind
        self.status = status


def nearest(word: str, known: Iterable[str], *, least: float = 0.5) -> str | None:
    """The known word that a word is most like; None where none is like it enough.

    Args:
        word: As it was written.
        known: What there is.
        least: Likeness from which on a word is near, 0..1: high where most words mean something of their own.
    """
    return next(iter(difflib.get_close_matches(word, sorted(known), n=1, cutoff=least)), None)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the nearest known word, or the list of known words."""
    words = sorted(known)
    near = nearest(word, words)
    if near is not None:
        return f" Did you mean {near!r}?"
    return f" Known: {', '.join(words)}." if words else ""


class InvalidRequest(LeerooError):
    """The request itself cannot be routed: no messages, nothing in them, or a wrong argument."""
