"""What an attempt has used: `Usage`; and how it is read from what an endpoint claims, at one place: `read_usage`.

An endpoint is not believed: a negative number would make an account rich, a huge one would close it for good, and a
missing one is free. What cannot be right is replaced by our own count, which is marked as an estimate and logged.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from leeroo.pool.kinds import PLAIN, Kinds, sum_of

MOST_TOKENS = 20_000_000
"""More than any model reads or writes in one call."""
FACTOR = 10
"""How many times the upper bound of what was sent an endpoint may report to have read."""
ROOM = 20_000
"""Tokens that a provider may add of its own (a system prompt, a template), however short the request."""
log = logging.getLogger("leeroo.usage")


@dataclass(frozen=True, slots=True)
class Usage:
    """What an expert reports to have used.

    Attributes:
        input_tokens: All input tokens.
        output_tokens: Output tokens, reasoning included.
        cached_tokens: Input tokens read from the provider's cache.
        estimated: True where the expert reported none and Leeroo counted.
        kinds: What of it costs otherwise than plain text.
    """

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    estimated: bool = False
    kinds: Kinds = PLAIN

    @property
    def tokens(self) -> int:
        """Input and output together, as limits in tokens count them."""
        return self.input_tokens + self.output_tokens

    def plus(self, other: "Usage") -> "Usage":
        """What two calls of one expert have used together."""
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.estimated or other.estimated,
            sum_of(self.kinds, other.kinds),
        )

    @property
    def is_sound(self) -> bool:
        """Whether these are numbers of tokens that a call can have used, so that it can be settled."""
        numbers = (self.input_tokens, self.output_tokens, self.cached_tokens)
        return all(type(n) is int and 0 <= n <= MOST_TOKENS for n in numbers)


class Claim(NamedTuple):
    """What an endpoint says of a call's tokens, as it came; absent is None.

    Attributes:
        input: Input tokens, those from the cache included.
        output: Output tokens.
        total: Both.
        reasoning: Output tokens that were thought and not said; some count them beside `output`, some within it.
        cached: Input tokens read from the cache.
    """

    input: Any = None
    output: Any = None
    total: Any = None
    reasoning: Any = None
    cached: Any = None


def read_usage(claim: Claim | None, count: Callable[[], Usage], *, sent: int | None = None, expert: str = "") -> Usage:
    """What an answer used: as claimed where that can be right, else as counted here.

    Never raises: money was spent, and has to be booked.

    Args:
        claim: What the endpoint says; None: nothing.
        count: Our own count of the request and of what has arrived; asked only where it is needed.
        sent: Upper bound of the input tokens that were sent, where it is known.
        expert: Whose claim it is, for the log.

    Returns:
        The usage. Where one of the claim's numbers is impossible or missing, the whole is `estimated`; of two numbers
        that contradict each other the larger one counts.
    """
    if claim is None or (claim.input is None and claim.output is None):
        return _counted(count, sent)
    given = {name: _number(value) for name, value in claim._asdict().items()}
    wrong = [name for name, value in claim._asdict().items() if value is not None and given[name] is None]
    taken, written, total = given["input"], given["output"], given["total"]
    if taken == 0 or (taken is not None and sent is not None and taken > FACTOR * sent + ROOM):
        wrong.append("input")  # no request has no tokens, and none can grow so much on its way
        taken = None
    if written == 0 and _counted(count, sent).output_tokens:
        wrong.append("output")
    estimated = bool(wrong) or taken is None or written is None
    if estimated:
        own = _counted(count, sent)
        taken = own.input_tokens if taken is None else taken
        written = max(written or 0, own.output_tokens)
    known = (taken or 0) + (written or 0)
    # Thinking that a provider counts beside the answer, in a number of its own or in the total, is paid for like it.
    thought = given["reasoning"] or 0
    beside = thought if thought > (written or 0) or total == known + thought else 0
    if total is not None and total != known + beside and not estimated:
        estimated = True
        beside = max(beside, total - known)
        if total < known:
            wrong.append("total")
    if wrong:
        log.warning("Expert %r reports an impossible usage (%s); counted here instead.", expert, ", ".join(wrong))
    usage = Usage(taken or 0, (written or 0) + beside, min(given["cached"] or 0, taken or 0), estimated=estimated)
    return usage if usage.is_sound else _counted(count, sent)


def settled(usage: Usage, worst: Usage, expert: str) -> Usage:
    """A usage that can be booked: itself, or the worst case where its numbers cannot be right.

    Args:
        usage: From an adapter.
        worst: What was reserved.
        expert: Whose it is, for the log.
    """
    if usage.is_sound:
        return usage
    log.warning("Expert %r: an impossible usage was to be settled; counted at its worst case instead.", expert)
    return replace(worst, estimated=True)


def _counted(count: Callable[[], Usage], sent: int | None) -> Usage:
    try:
        own = count()
    except Exception as error:  # a tokenizer's; the money is spent all the same
        log.warning("What an answer used could not be counted: %s.", type(error).__name__)
        own = Usage(sent or 0, 0)
    return replace(own, estimated=True)


def _number(value: Any) -> int | None:
    """A number of tokens, or None: no NaN, no text, nothing below 0 or beyond all bounds."""
    if type(value) is float and value.is_integer() and 0 <= value <= MOST_TOKENS:
        return int(value)
    return value if type(value) is int and 0 <= value <= MOST_TOKENS else None
