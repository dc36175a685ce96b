"""`/v1/completions`: OpenAI's older format. The prompt is what a user says in a chat."""

import json
from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from leeroo.serve.dialects.chat import ChatTeller
from leeroo.serve.dialects.dialect import Dialect, Json, Refused, given
from leeroo.serve.errors import Refusal
from leeroo.serve.schemas import Number, StreamOptions, Tokens

_SAME = ("model", "leeroo", "stream", "stream_options", "n", "max_tokens", "stop", "temperature", "top_p", "seed",
         "user", "presence_penalty", "frequency_penalty", "logit_bias")  # fmt: skip


class CompletionRequest(BaseModel):
    """A request for the completion of a prompt."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(description="As for chats.", examples=["leeroo"])
    prompt: str | list[str] = Field(examples=["Say hello."])
    leeroo: Json | None = Field(default=None, description="The call's budget, as for chats.")
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    best_of: int | None = Field(default=None, ge=1, le=1)
    max_tokens: Tokens | None = None
    stop: str | list[str] | None = None
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = None
    top_p: Annotated[Number, Field(ge=0, le=1)] | None = None
    presence_penalty: Annotated[Number, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[Number, Field(ge=-2, le=2)] | None = None
    seed: int | None = None
    logit_bias: dict[str, Number] | None = None
    user: str | None = None


class CompletionTeller(ChatTeller):
    """A text completion, or its pieces and `[DONE]`."""

    def whole(self, completion: Json) -> Json:
        """The completion, its message as a text."""
        choice = completion["choices"][0]
        said = choice["message"].get("content")
        return _text(completion, [_choice(said, choice.get("finish_reason"))])

    def take(self, piece: Json) -> Iterator[bytes]:
        """The piece, its delta as a text."""
        choices = [
            _choice((one.get("delta") or {}).get("content"), one.get("finish_reason"))
            for one in piece.get("choices") or ()
        ]
        yield b"data: %s\n\n" % json.dumps(_text(piece, choices)).encode()


def to_chat(request: CompletionRequest) -> Json:
    """The chat request that a completion's is.

    Raises:
        Refusal: More than one prompt.
    """
    prompts = [request.prompt] if isinstance(request.prompt, str) else request.prompt
    if len(prompts) != 1:
        message = f"prompt has {len(prompts)} texts: Leeroo gives one answer per call; send one request for each."
        raise Refusal(400, message, code="invalid_value", param="prompt")
    return {**given(request, *_SAME), "messages": [{"role": "user", "content": prompts[0]}]}


def _choice(text: object, finish: object) -> Json:
    return {"text": text if isinstance(text, str) else "", "index": 0, "logprobs": None, "finish_reason": finish}


def _text(body: Json, choices: list[Json]) -> Json:
    return {**body, "id": str(body["id"]).replace("chatcmpl-", "cmpl-"), "object": "text_completion",
            "choices": choices}  # fmt: skip


def _teller(_: CompletionRequest) -> CompletionTeller:
    return CompletionTeller()


_CHATS = "experts are asked by chats; "
COMPLETIONS = Dialect(
    "/v1/completions",
    CompletionRequest,
    to_chat,
    _teller,
    {
        "suffix": Refused(_CHATS + "say in the prompt what is to follow."),
        "echo": Refused(_CHATS + "put the prompt before the answer yourself.", (False,)),
        "logprobs": Refused(_CHATS + "ask /v1/chat/completions for logprobs.", (0,)),
    },
)
