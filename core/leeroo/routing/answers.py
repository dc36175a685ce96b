"""Answers of no use though the provider says all is well: empty, filtered, cut off before a word, unreadable."""

import re
from typing import Literal

from leeroo.errors import LeerooError

Useless = Literal["empty", "filtered", "truncated", "unparsable", "bad_answer", "input_cut"]

_CUT_OFF = frozenset({"length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded"})
_BROKEN = frozenset({"error"})
"""Why an answer ended that failed behind its gateway after the gateway had said 200."""
_FILTERED = frozenset(
    {
        "blocklist", "content_filter", "content_filtered", "error_toxic", "guardrail_intervened", "image_safety",
        "prohibited_content", "recitation", "refusal", "safety", "sensitive", "spii",
    }
)  # fmt: skip


# Qwen's and Hermes's form, Llama's, Mistral's, DeepSeek's: a server without a parser for it hands it on as text. Met in
# tashfeenahmed/freellmapi#190 (2026-06).
_CALL = re.compile(
    r"\A\s*(<tool_call>|<function=\w|<\|python_tag\|>|\[TOOL_CALLS\]|<\uff5ctool\u2581calls\u2581begin\uff5c>)|</tool_call>\s*\Z"
)
SPELT_OUT = "A tool call came as text; its server needs a parser of this model's tool calls."


class UselessAnswer(LeerooError):
    """An answer that is paid for and of no use. Given to `Attempt.failed`, with what it used.

    Args:
        kind: Why, as the record says it.
        detail: More of it, with the remedy; no text of the answer.
    """

    def __init__(self, kind: Useless, detail: str = "") -> None:
        super().__init__(detail or _DETAILS[kind])
        self.kind = kind

    @property
    def is_none(self) -> bool:
        """Whether it is no answer at all, which nobody is to be given even where no other expert is left."""
        return self.kind == "bad_answer"


_DETAILS: dict[Useless, str] = {
    "empty": "The answer is empty.",
    "filtered": "The provider withheld the answer, or the model refused to give one.",
    "truncated": "The output cap was used up before anything visible was written. Raise max_tokens or max_cost.",
    "bad_answer": "The answer was broken off by an error behind its endpoint.",
    "unparsable": "The answer does not have the form that was asked for.",
    "input_cut": "Only a part of the prompt was read.",
}


def useless(finish_reason: str | None, *, visible: bool, refused: bool = False, text: str = "") -> UselessAnswer | None:
    """What is wrong with an answer that came without an error, or None.

    Args:
        finish_reason: Why the model stopped, in its provider's own word.
        visible: Whether there is anything in it for its reader: text, media or tool calls; thinking is not.
        refused: Whether it says in a field of its own that the model refused.
        text: What it says, where it calls no tool.
    """
    reason = (finish_reason or "").lower().rpartition(".")[2]
    if reason in _BROKEN:
        return UselessAnswer("bad_answer")
    if visible:
        return UselessAnswer("unparsable", SPELT_OUT) if _CALL.search(text) else None
    if refused or reason in _FILTERED:
        return UselessAnswer("filtered")
    return UselessAnswer("truncated" if reason in _CUT_OFF else "empty")
