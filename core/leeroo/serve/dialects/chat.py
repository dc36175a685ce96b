"""`/v1/chat/completions`: OpenAI's chat format, as it is."""

import json
from collections.abc import Iterator
from typing import Any

from leeroo.serve.dialects.dialect import Dialect, Json, Refused
from leeroo.serve.errors import Refusal
from leeroo.serve.schemas import ChatRequest

_PRICED_APART = "it costs beside the expert's price per token, so no cap could be kept; "


class ChatTeller:
    """A chat completion, or its pieces and `[DONE]`."""

    def whole(self, completion: Json) -> Json:
        """The completion."""
        return completion

    def take(self, piece: Json) -> Iterator[bytes]:
        """The piece."""
        yield b"data: %s\n\n" % json.dumps(piece).encode()

    def end(self) -> Iterator[bytes]:
        """`[DONE]`."""
        yield b"data: [DONE]\n\n"

    def failed(self, refusal: Refusal) -> bytes:
        """The error, after which no `[DONE]` comes: the answer is not whole."""
        return b"data: %s\n\n" % refusal.encoded()


def _as_it_is(request: ChatRequest) -> Json:
    return request.model_dump(exclude_unset=True)


def _teller(_: Any) -> ChatTeller:
    return ChatTeller()


CHAT = Dialect(
    "/v1/chat/completions",
    ChatRequest,
    _as_it_is,
    _teller,
    {
        "web_search_options": Refused(_PRICED_APART + "give the model a search tool of your own."),
        "audio": Refused(_PRICED_APART + "ask for text, and have your client speak it."),
        "models": Refused("Leeroo itself chooses whom to ask, and whom next; leave it out."),
        "plugins": Refused(_PRICED_APART + "give the model tools of your own."),
    },
)
