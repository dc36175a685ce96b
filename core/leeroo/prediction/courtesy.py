"""Courtesies around a question: they say nothing about how hard it is, and must not change who answers it."""

import re

_KIND = r"(?:question|problem|task|exercise|one|request|puzzle)"
_OPENERS = (
    # Hello! Hi there, Good morning.
    r"(?:hi|hello|hey|greetings|good (?:morning|afternoon|evening|day))(?: there| all| everyone| team)?\s*[!,.]+",
    # I hope you are well.
    r"i hope (?:that )?(?:you are|you're|you are all|this finds you)[^.!?\n]{0,40}[.!?]+",
    # Could you please help me with this question? Please answer the following:
    r"(?:(?:could|can|would|will) you )?(?:please |kindly )?(?:help|assist)(?: me)?"
    rf"(?: (?:with|on))?(?: (?:this|the following|my|a|one|another))?(?: (?:quick|short|small|following))?(?: {_KIND})?"
    r"(?: for me)?\s*[?!.:]+",
    rf"(?:(?:could|can|would|will) you )?(?:please |kindly )?(?:answer|solve) (?:this|the following)(?: {_KIND})?"
    r"(?: for me)?\s*[?!.:]+",
    # I have a quick question: Question:
    r"(?:(?:i have|here is|here's|this is) (?:a|my|the|another)(?: quick| short| small)? )?question"
    r"(?: for you)?\s*[:.]+",
)
_OPENING = re.compile(r"\s*(?:" + "|".join(_OPENERS) + r")\s+", re.IGNORECASE)
_CLOSING = re.compile(
    r"\s(?:many thanks|thanks|thank you|cheers)"
    r"(?: (?:a lot|so much|very much|in advance|for your (?:help|time)))*[\s.!]*$",
    re.IGNORECASE,
)
_LONGEST_CLOSING = 80
_LEAST = 12
"""Characters that must be left: "Hello! Thanks." is itself what was said."""


def plain(text: str) -> str:
    """The text without greetings, requests for help and thanks around it; what was said where nothing else is left."""
    start = 0
    while found := _OPENING.match(text, start):
        start = found.end()
    closing = _CLOSING.search(text, max(start, len(text) - _LONGEST_CLOSING))
    rest = text[start:] if closing is None else text[start : closing.start()].rstrip()
    return rest if len(rest.strip()) >= _LEAST else text
