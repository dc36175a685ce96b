"""How sure an expert was of its own answer, where its endpoint says so: `LogProb`, and what is usual, `LogProbs`.

Experts differ in how sure they usually are, and a letter is surer than a sentence: a value says something only
beside the same expert's usual one of the same kind. Then logit q_e(z) becomes logit q_e(z) + c (value - usual), c being
`ConsultModel.certainty`.
"""

import threading
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Literal, NamedTuple

from leeroo.consult.readings import letter_of, options_of

LEAST_SEEN = 10
"""Answers of an expert before its usual value counts as known; until then nothing is shifted."""
MOST = 1.0
"""No answer is shifted by more than so many logits, whatever an endpoint claims."""
LOWEST = -20.0
"""Nats; some report -9999 for a token that they give no chance."""


class LogProb(NamedTuple):
    """How probable an answer was to its own expert.

    Attributes:
        value: Log-probability in nats, at most 0: of the letter's token, or the mean over the answer's tokens.
        of: What it is of.
    """

    value: float
    of: Literal["letter", "answer"]


def logprob_of(choice: Mapping[str, Any], text: str, question: str) -> LogProb | None:
    """The log-probability of an answer; None where its endpoint says nothing that can be read.

    Args:
        choice: Of a chat completion, with `logprobs` in OpenAI's form, or as the list of tokens alone.
        text: What it says.
        question: What was asked: where that lists options, the token of the chosen one's letter is looked for.
    """
    given = choice.get("logprobs")
    content = given.get("content") if isinstance(given, Mapping) else given
    tokens = [found for one in content if (found := _token(one))] if isinstance(content, list) else []
    if not tokens:
        return None
    letter = letter_of(text) if options_of(question) is not None else None
    if letter is not None:
        alone = [value for token, value in tokens if token.strip(" \t\r\n().:*\"'").upper() == letter]
        if alone:
            # An answer that begins with its letter may have the article "A" later on.
            begins = text.lstrip(" \t\r\n(*\"'")[:1].upper() == letter
            return LogProb(alone[0] if begins else alone[-1], "letter")
    return LogProb(sum(value for _, value in tokens) / len(tokens), "answer")


def _token(one: Any) -> tuple[str, float] | None:
    token, value = (one.get("token"), one.get("logprob")) if isinstance(one, Mapping) else (None, None)
    if not isinstance(token, str) or isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    kept = float(min(max(value, LOWEST), 0.0))  # cut first: a whole number may be larger than any float
    return (token, kept) if isfinite(kept) else None


class LogProbs:
    """What a router has learned of its experts' log-probabilities while it runs. Safe to share among threads."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], tuple[int, float]] = {}
        self._refusing: set[str] = set()
        self._lock = threading.Lock()

    def refuses(self, expert: str) -> bool:
        """Whether an expert is known to refuse a request for them."""
        return expert in self._refusing

    def refused(self, expert: str) -> None:
        """An expert has refused a request for them, and answered the same one without."""
        self._refusing.add(expert)

    def surplus(self, expert: str, found: LogProb) -> float:
        """How far a value lies above the expert's usual one, in nats; 0 until that is known. The value is kept.

        Args:
            expert: What makes it the same one in every call.
            found: Its answer's.
        """
        with self._lock:
            count, total = self._seen.get((expert, found.of), (0, 0.0))
            self._seen[expert, found.of] = count + 1, total + found.value
        return found.value - total / count if count >= LEAST_SEEN else 0.0


class Shifts:
    """Logits by which the answers of one call are moved.

    Args:
        known: What is usual; None: as if nothing were ever known.
        certainty: Logits a nat; 0: log-probabilities are not asked for.
        experts: Of every option what makes it the same expert in every call.

    Attributes:
        known: What is usual; None where log-probabilities are not asked for.
        values: By option; empty where nothing is shifted.
    """

    def __init__(self, known: LogProbs | None, certainty: float, experts: Sequence[str]) -> None:
        self.known = (known or LogProbs()) if certainty else None
        self.values: tuple[float, ...] = ()
        self._certainty, self._experts = certainty, experts

    def take(self, option: int, found: LogProb | None) -> dict[str, float]:
        """Count an answer's log-probability.

        Returns:
            What the record says of it.
        """
        if self.known is None or found is None:
            return {}
        surplus = self.known.surplus(self._experts[option], found)
        by = self._certainty * surplus
        if by:
            values = list(self.values or [0.0] * len(self._experts))
            values[option] = min(max(by, -MOST), MOST)
            self.values = tuple(values)
        return {"logprob": round(found.value, 4), **({"surplus": round(surplus, 4)} if surplus else {})}
