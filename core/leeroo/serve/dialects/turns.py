"""Chat messages out of formats that send a conversation piece by piece: `Turns`."""

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]
Content = str | list[Json]
_SHOWN = "(The picture, sound or document follows.)"


class Turns:
    """Builds the messages of a chat request, in order.

    What an assistant thought, said and called between two other messages is one message, as chats have it. What it
    thought goes back only within the newest turn, where the expert goes on with it: earlier thinking is of no use to
    anybody, and some endpoints refuse it.
    """

    def __init__(self) -> None:
        self._messages: list[Json] = []
        self._turn: Json = {}
        self._media: list[Json] = []
        self._asked = 0

    def say(self, role: str, content: Content) -> None:
        """A message of somebody else than the assistant."""
        self._close()
        self._messages.append({"role": role, "content": content})
        if role == "user":
            self._asked = len(self._messages)

    def think(self, text: str) -> None:
        """What the assistant thought."""
        self._open()
        if text:
            self._turn["reasoning_content"] = self._turn.get("reasoning_content", "") + text

    def answer(self, content: Content) -> None:
        """What it said."""
        self._open()
        said = self._turn.get("content")
        if said and not self._turn.get("tool_calls"):  # two messages are two
            self._close()
            said = None
        self._turn["content"] = content if not said else [*_parts(said), *_parts(content)]

    def call(self, call_id: str, name: str, arguments: str, *, custom: bool = False) -> None:
        """A tool that it called."""
        self._open()
        if custom:
            made: Json = {"type": "custom", "custom": {"name": name, "input": arguments}}
        else:
            made = {"type": "function", "function": {"name": name, "arguments": arguments}}
        self._turn.setdefault("tool_calls", []).append({"id": call_id, **made})

    def result(self, call_id: str, content: Content) -> None:
        """What a tool gave. Chats take text of tools only, so media go into a user's message behind all results."""
        media = [] if isinstance(content, str) else [part for part in content if part.get("type") != "text"]
        self._close_turn()
        if media:
            texts = [part for part in content if isinstance(part, dict) and part.get("type") == "text"]
            content = texts or _SHOWN
        self._messages.append({"role": "tool", "tool_call_id": call_id, "content": content})
        self._media += media

    def messages(self) -> list[Json]:
        """All of them."""
        self._close()
        for message in self._messages[: self._asked]:
            message.pop("reasoning_content", None)
        return self._messages

    def _open(self) -> None:
        if self._media:
            self._close()

    def _close_turn(self) -> None:
        turn, self._turn = self._turn, {}
        if turn.get("content") or turn.get("tool_calls"):
            self._messages.append({"role": "assistant", "content": None, **turn})

    def _close(self) -> None:
        self._close_turn()
        if self._media:
            media, self._media = self._media, []
            self._messages.append({"role": "user", "content": media})


def joined(parts: Sequence[Json], glue: str = "\n") -> Content:
    """A content's parts, as plain text where they are nothing else: more endpoints take that."""
    if all(part.keys() == {"type", "text"} and part["type"] == "text" for part in parts):
        return glue.join(part["text"] for part in parts)
    return list(parts)


def _parts(content: Content) -> list[Json]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
