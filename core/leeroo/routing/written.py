"""What an expert's stream has written so far, against the output cap that it was sent: `Written`."""

from leeroo.pool.tokens import count_text
from leeroo.routing.attempt import ROOM, Attempt
from leeroo.routing.usage import Usage

LONGEST_TOKENS = 8
"""Characters a token that the tokens of no real answer have on average."""
GROWTH = 1.05
"""By how much a text has grown when it is counted again: counting a long one at every piece would take too long."""


class Written:
    """What a stream has written so far. One rule for `serve`, the core's own streams and the adapters.

    An endpoint that ignores its output cap is cut once the cap's money is used; an answer within its cap never is, so
    a rough count alone is no reason.

    Args:
        token_a_piece: Whether each piece has a token at least, as those of OpenAI-compatible servers have. Elsewhere a
            model may write letter by letter, so that many pieces say nothing without a count of their text.

    Attributes:
        pieces: Pieces with something in them.
    """

    def __init__(self, *, token_a_piece: bool = False) -> None:
        self.pieces = 0
        self._sure = token_a_piece
        self._texts: list[str] = []
        self._size = 0
        self._count_at = 0.0

    def add(self, text: str) -> None:
        """Note a piece: all that it has, thoughts and arguments of tools included."""
        if text:
            self.pieces += 1
            self._size += len(text)
            self._texts.append(text)

    @property
    def text(self) -> str:
        """All so far."""
        return "".join(self._texts)

    def passes(self, attempt: Attempt) -> bool:
        """Whether more has come than the attempt's output cap allows, however it is counted."""
        if attempt.max_tokens is None:
            return False
        many = attempt.over_cap(self.pieces)
        if many and self._sure:
            return True
        long = self._size > LONGEST_TOKENS * (attempt.max_tokens + ROOM)
        if not (many or long) or self._size < self._count_at:
            return False
        self._count_at = self._size * GROWTH
        return attempt.over_cap(count_text(self.text, attempt.expert))

    def usage(self, attempt: Attempt) -> Usage:
        """What an answer that was cut counts for; nobody will report it."""
        counted = count_text(self.text, attempt.expert)
        output = max(counted, self.pieces) if self._sure else counted
        return Usage(attempt.candidate.input_upper, output, estimated=True)
