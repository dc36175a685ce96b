"""Whether an answer in OpenAI's chat format is one: `wrong_with`."""

from collections.abc import Mapping
from typing import Any

from leeroo.endpoints.bounded import BadAnswer
from leeroo.routing.answers import UselessAnswer, useless

BROKEN_OFF = "The answer of expert {!r} was broken off by an error behind its endpoint."


def wrong_with(choice: Mapping[str, Any], expert: str) -> UselessAnswer | None:
    """What is wrong with a choice that came without an error, or None.

    Args:
        choice: With its `message` and `finish_reason`.
        expert: Whose it is.

    Raises:
        BadAnswer: It was broken off.
    """
    if choice.get("finish_reason") == "error" or choice.get("error"):
        raise BadAnswer(BROKEN_OFF.format(expert))
    message = choice.get("message") or {}
    content = message.get("content")
    said = content.strip() if isinstance(content, str) else content
    visible = bool(said or message.get("tool_calls") or message.get("function_call") or message.get("audio"))
    text = said if isinstance(said, str) and not message.get("tool_calls") else ""
    return useless(choice.get("finish_reason"), visible=visible, refused=bool(message.get("refusal")), text=text)
