"""Whether an answer that came is handed on, or the next expert is asked in its place: `Acceptance`."""

import logging
from typing import Any, NamedTuple

from leeroo.pool.on_empty import OnEmpty
from leeroo.query import Query
from leeroo.routing.answers import SPELT_OUT, UselessAnswer
from leeroo.routing.attempt import Attempt, Ending, Usage
from leeroo.routing.health import key_of
from leeroo.routing.logs import event
from leeroo.routing.tries import Tries
from leeroo.routing.windows import Windows, is_cut
from leeroo.selection.selector import Candidate


class Kept(NamedTuple):
    """An answer to a part of the prompt, for the case that nobody answers the whole.

    Attributes:
        candidate: Whose it is.
        usage: What it used.
        content: The answer as its caller would get it.
    """

    candidate: Candidate
    usage: Usage
    content: Any


class Acceptance:
    """How one call takes the answers that come without an error.

    Args:
        on_empty: What an answer means that has nothing in it, or that answers a part of the prompt.
        query: The request.
        tries: Who is left to be asked.
        windows: Told of experts that have read a part of the prompt.

    Attributes:
        kept: The first answer to a part of the prompt that was not taken.
    """

    def __init__(self, on_empty: OnEmpty, query: Query, tries: Tries, windows: Windows) -> None:
        self.kept: Kept | None = None
        self._on_empty = on_empty
        self._media = query.media
        self._offers_tools = "tools" in query.needs
        self._tries = tries
        self._windows = windows

    def fault(self, attempt: Attempt, wrong: UselessAnswer | None, usage: Usage | None = None) -> UselessAnswer | None:
        """What is wrong with an answer as far as its user minds; None: nothing. Asks nobody and waits for nothing.

        Args:
            attempt: Whose it is.
            wrong: What its form has told.
            usage: What it used; None where the answer cannot be taken back.
        """
        if wrong is not None and str(wrong) == SPELT_OUT and not self._offers_tools:
            wrong = None  # the caller's own way to have tools called
        if self._on_empty == "accept":
            return wrong if wrong is not None and wrong.is_none else None
        if wrong is None and usage is not None and is_cut(usage, attempt.candidate, self._media):
            return UselessAnswer("input_cut")
        return wrong

    def rejects(
        self,
        attempt: Attempt,
        wrong: UselessAnswer | None,
        usage: Usage | None = None,
        *,
        content: Any = None,
        others: bool = False,
    ) -> UselessAnswer | None:
        """What makes an answer one that is not handed on, for `Attempt.failed`; None: it is taken.

        Only where another expert is left that the money pays for, unless it is no answer at all.

        Args:
            attempt: As in `fault`, and the next two.
            wrong: What its form has told.
            usage: What it used.
            content: The answer as its caller would get it, kept for the case that nobody reads the whole prompt.
            others: Whether another expert is being asked now.
        """
        found = self.fault(attempt, wrong, usage)
        if found is None or found.is_none:
            return found
        cut = found.kind == "input_cut"
        if not (others or self._tries.has_next(whole=cut)):
            return None
        if cut and usage is not None and self.kept is None:
            self.kept = Kept(attempt.candidate, usage, content)
        return found

    def was_cut(self, ending: Ending, call_id: str) -> bool:
        """Whether an attempt that answered has read a part of the prompt only: remembered of its expert, and logged."""
        usage, failure = ending.usage, ending.failure
        if usage is None or (failure is not None and failure.kind != "input_cut"):
            return False
        if not is_cut(usage, ending.candidate, self._media):
            return False
        expert, sent = ending.candidate.expert, ending.candidate.input_tokens
        self._windows.note(key_of(expert), usage.input_tokens)
        event(logging.WARNING, "input_cut", call_id=call_id, expert=expert.name, read=usage.input_tokens, sent=sent)
        return True
