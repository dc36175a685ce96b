"""Whom a call tries next, and whether it waits: `Tries`.

The next expert is usually better than a wait: it answers now. So a failed expert is asked again only where nobody else
is left, or where the caller demands a quality (`min_quality`) that nobody else reaches; where its failure is one that a
wait may mend; and where the wait fits the call's deadline. Waits are exponential with full jitter (M. Brooker,
"Exponential Backoff And Jitter", AWS Architecture Blog, 2015), on top of what the provider asked for.
"""

import asyncio
import random
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Any, Protocol, Self

from leeroo.pool.experts import Expert
from leeroo.routing.aside import aside, unasked
from leeroo.routing.attempt import Attempt
from leeroo.routing.failures import Failure
from leeroo.routing.health import Health, key_of
from leeroo.selection.selector import Candidate, Selection

WAITS = 2
"""Waits of one call; the openai SDK's own number of retries."""
FIRST_WAIT = 0.5
LONGEST_BACKOFF = 8.0
PATIENCE = 10.0
"""Seconds that the waits of a call without a deadline may last together."""


class Starter(Protocol):
    """What the tries need of their call."""

    @property
    def is_over(self) -> bool:
        """Whether nobody is to be tried any more."""
        ...

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the call's deadline, None where it has none."""
        ...

    def pays_for(self, candidate: Candidate) -> bool:
        """Whether the rest of the budget pays for a try of an expert."""
        ...

    def start(self, candidate: Candidate) -> Attempt | None:
        """Reserve a try; None where it cannot be made."""
        ...


class Tries:
    """The order in which a call tries its experts.

    Args:
        call: The call, which says what fits its money and its deadline.
        selection: The experts in order, and which of them are adequate.
        health: Who is well, and how long the others need.
        demanding: Whether the caller demands a quality, for which a wait may be worth it.
    """

    def __init__(self, call: Starter, selection: Selection, health: Health, *, demanding: bool) -> None:
        # Not owned: a call that is over goes at once, and not when the garbage collector next comes by.
        self._call: Starter = weakref.proxy(call)
        self._selection = selection
        self._health = health
        self._demanding = demanding
        self._order = list(selection.order)
        self._again: list[Candidate] = []
        self._failures: Counter[str] = Counter()
        self._less: list[Expert] = []  # who is asked for less than at first
        self._waits = 0
        self._waited = 0.0
        self._left = inf

    def steps(self, most: int | None = None) -> Iterator[Attempt | float]:
        """Attempts, and seconds to wait before the next one.

        Args:
            most: Attempts to make at most, None for as many as there are.
        """
        self._left = inf if most is None else most
        while not self._call.is_over and self._left > 0:
            wait = self._wait()
            if self._order and not (wait and self._worth_waiting(wait[0])):
                candidate = self._order.pop(0)
            elif wait:
                candidate, seconds = wait
                self._again.remove(candidate)
                self._waits += 1
                self._waited += seconds
                if seconds:
                    yield seconds
            else:
                return
            attempt = self._call.start(candidate)
            if attempt is not None:
                self._left -= 1
                yield attempt

    def forget(self, candidate: Candidate) -> None:
        """Somebody else tries this one now: it has no first try any more, but may be asked again once it has failed."""
        if candidate in self._order:
            self._order.remove(candidate)

    def hedge(self) -> Attempt | None:
        """A second attempt beside one that is on its way: the next expert that is well and fits the rest of the money.

        Experts that do not fit keep their place: they may do so once the first attempt has ended.
        """
        candidate = self._next()
        if candidate is None:
            return None
        self._order.remove(candidate)
        return self._call.start(candidate)

    def has_next(self, *, whole: bool = False) -> bool:
        """Whether an expert is left to try that was not tried, is well, and fits the rest of the money.

        Args:
            whole: Whether it must not be known to read only a part of such a prompt.
        """
        return self._left > 0 and self._next(whole=whole) is not None

    def failed(self, candidate: Candidate, failure: Failure) -> None:
        """Note how an attempt ended."""
        self._failures[candidate.expert.name] += 1
        if failure.most is not None:
            self._health.output_caps.note(key_of(candidate.expert), failure.most)
            if (
                candidate.output_tokens <= failure.most.tokens < candidate.max_tokens
                and candidate.expert not in self._less
            ):
                # It answers if it is asked for less, and it was the better one: before the next.
                self._order.insert(0, replace(candidate, max_tokens=failure.most.tokens, narrowed=True))
                self._less.append(candidate.expert)
        if failure.again:
            self._again.append(candidate)

    def has_failed(self, expert: Expert) -> bool:
        """Whether an attempt at the expert has failed."""
        return expert.name in self._failures

    def ends_with(self, expert: Expert, failure: Failure, met: Sequence[Mapping[str, Any]], *, alone: bool) -> bool:
        """Whether nobody else is to be tried after a failure.

        So where the caller is at fault beyond doubt: a second expert calls the request malformed. And so where an only
        expert refuses: its own words say more than "no expert answered".

        Args:
            expert: Who failed.
            failure: How.
            met: The call's lines of the record before it.
            alone: Whether no other attempt was begun.
        """
        if failure.fatal:
            return True
        agreed = any(line["error"] == "bad_request" and line["expert"] != expert.name for line in met)
        if failure.kind == "bad_request" and agreed:
            return True
        return failure.refused and alone and not met and not self._order and not self._again

    def _next(self, *, whole: bool = False) -> Candidate | None:
        windows = self._health.windows
        for candidate in self._order:
            if whole and windows.why_not(key_of(candidate.expert), candidate.input_tokens) is not None:
                continue
            if self._health.why_not(candidate.expert) is None and self._call.pays_for(candidate):
                return candidate
        return None

    def _wait(self) -> tuple[Candidate, float] | None:
        """Whom to ask again, and after how many seconds; None where no wait is worth it."""
        if not self._again or self._waits >= WAITS:
            return None
        jitter = random.uniform(0, min(LONGEST_BACKOFF, FIRST_WAIT * 2**self._waits))  # noqa: S311 - no secret
        health, adequate = self._health, self._selection.is_adequate
        waits = {c.expert.name: health.wait(c.expert) + jitter for c in self._again}
        fitting = [c for c in self._again if self._fits(c, waits[c.expert.name])]
        if not fitting:
            return None

        def merit(failed: Candidate) -> tuple[int, bool, float]:
            name = failed.expert.name
            return self._failures[name], not adequate(failed), waits[name]

        best = min(fitting, key=merit)
        return best, waits[best.expert.name]

    def _fits(self, candidate: Candidate, seconds: float) -> bool:
        left = self._call.seconds_left
        if left is None:
            return self._waited + seconds <= PATIENCE
        return seconds + (candidate.latency or 0.0) < left

    def _worth_waiting(self, failed: Candidate) -> bool:
        """Whether the caller demands a quality that a failed expert reaches, and the next one does not."""
        if not self._demanding:
            return False
        adequate = self._selection.is_adequate
        return adequate(failed) and not adequate(self._order[0])


class AsyncTries:
    """The attempts of a call, with waits that leave the event loop free.

    A class and not an async generator: one that is left early would need the loop to close it.

    Args:
        call: The call, which lives as long as this.
        steps: From `Tries.steps`.
        waits: Whether a reservation may wait for a database: then it is made in a thread.
    """

    def __init__(self, call: object, steps: Iterator[Attempt | float], *, waits: bool) -> None:
        self._call = call
        self._steps = steps
        self._waits = waits

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Attempt:
        while (step := await self._next()) is not None:
            if not isinstance(step, float):
                return step
            await asyncio.sleep(step)
        raise StopAsyncIteration

    async def _next(self) -> Attempt | float | None:
        if not self._waits:
            return next(self._steps, None)
        return await aside(next, self._steps, None, undo=unasked)
