"""The request that `/v1/chat/completions` takes. What is not named here is refused, as OpenAI does.

Only what leaves a call's price as its expert's price per token says is named: a paid service tier, a web search or a
list of other models to fall back to would break the hard cap. Beside OpenAI's own parameters there are those for
sampling and structured output that open servers (vLLM, llama.cpp, Ollama, OpenRouter) add.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Number = Annotated[float, Field(allow_inf_nan=False)]
Tokens = Annotated[int, Field(strict=True, ge=1, le=10_000_000)]
Json = dict[str, Any]
SCHEMAS = "#/components/schemas/{model}"
"""Where an application's schema has those of its models."""


class Message(BaseModel):
    """One message. Parts of its content that are no text go to an expert that can read them."""

    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Json] | None = None
    name: str | None = None
    tool_calls: list[Json] | None = None
    tool_call_id: str | None = None


class StreamOptions(BaseModel):
    """How a stream is sent."""

    model_config = ConfigDict(extra="allow")

    include_usage: bool = False


class ResponseFormat(BaseModel):
    """The form of the answer: plain text, any JSON object, or JSON that fits a schema."""

    model_config = ConfigDict(extra="allow")

    type: Literal["text", "json_object", "json_schema"]
    json_schema: Json | None = None


class ChatRequest(BaseModel):
    """A request for a chat completion."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(
        description="`leeroo` chooses an expert; an expert's name, or its model's, pins it.", examples=["leeroo"]
    )
    messages: list[Message] = Field(
        min_length=1, examples=[[{"role": "user", "content": "What is the capital of France?"}]]
    )
    leeroo: Json | None = Field(
        default=None,
        description="The call's budget: max_cost (USD), min_quality, tolerance, confidence, "
        "willingness_to_pay (USD), max_latency "
        "(seconds), scope, expert. The same as headers: `X-Leeroo-Max-Cost`, ...",
    )

    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = Field(default=None, description="1: Leeroo gives one answer per call.")
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    stop: str | list[str] | None = None

    tools: list[Json] | None = None
    tool_choice: str | Json | None = None
    parallel_tool_calls: bool | None = None
    functions: list[Json] | None = None
    function_call: str | Json | None = None
    response_format: ResponseFormat | None = None

    temperature: Annotated[Number, Field(ge=0, le=2)] | None = None
    top_p: Annotated[Number, Field(ge=0, le=1)] | None = None
    presence_penalty: Annotated[Number, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[Number, Field(ge=-2, le=2)] | None = None
    seed: int | None = None
    logit_bias: dict[str, Number] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    reasoning_effort: str | None = None
    verbosity: str | None = None
    modalities: list[Literal["text"]] | None = None
    service_tier: Literal["auto", "default", "flex"] | None = None
    user: str | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    prediction: Json | None = Field(default=None, description="Paid for beside the answer: not under a hard cap.")

    # What open servers add
    top_k: int | None = None
    min_p: Number | None = None
    repetition_penalty: Number | None = None
    min_tokens: int | None = None
    stop_token_ids: list[int] | None = None
    ignore_eos: bool | None = None
    grammar: str | None = None
    guided_json: Json | str | None = None
    guided_regex: str | None = None
    guided_choice: list[str] | None = None
    structured_outputs: Json | None = None
    chat_template_kwargs: Json | None = None
    reasoning: Json | None = None


class ErrorInfo(BaseModel):
    """What is wrong, in OpenAI's form."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """An error; with the call's record where there was a call."""

    error: ErrorInfo
    leeroo: Json | None = None


def describe(app: Any, requests: Iterable[type[BaseModel]]) -> None:
    """Add schemas of requests to a FastAPI application's, which does not read them itself and so knows none.

    Args:
        app: The application.
        requests: What its endpoints take.
    """
    made = app.openapi

    def described() -> dict[str, Any]:
        schema: dict[str, Any] = made()
        known = schema.setdefault("components", {}).setdefault("schemas", {})
        for request in requests:
            own = request.model_json_schema(ref_template=SCHEMAS)
            known.update(own.pop("$defs", {}), **{request.__name__: own})
        return schema

    app.openapi = described
