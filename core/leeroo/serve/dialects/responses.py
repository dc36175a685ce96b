"""`/v1/responses`: OpenAI's newer format, without its memory. How a request becomes a chat's."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from leeroo.serve.dialects.dialect import Dialect, Json, Refused, given
from leeroo.serve.dialects.responding import ResponseTeller
from leeroo.serve.dialects.turns import Content, Turns, joined
from leeroo.serve.errors import Refusal
from leeroo.serve.schemas import Number, Tokens

_SAME = ("model", "leeroo", "stream", "parallel_tool_calls", "temperature", "top_p", "top_logprobs", "service_tier",
         "user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "metadata")  # fmt: skip
_LOGPROBS = "message.output_text.logprobs"


class TextConfig(BaseModel):
    """The form of the answer's text."""

    model_config = ConfigDict(extra="forbid")

    format: Json | None = None
    verbosity: str | None = None


class Reasoning(BaseModel):
    """How much to think. What the expert shows of it is in the answer, whether a summary is asked for or not."""

    model_config = ConfigDict(extra="forbid")

    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None
    context: Literal["auto", "current_turn"] | None = None


class ResponseRequest(BaseModel):
    """A request for a response; the conversation so far is in `input`, since nothing is kept here."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(description="As for chats.", examples=["leeroo"])
    input: str | list[Json] = Field(min_length=1, examples=["What is the capital of France?"])
    leeroo: Json | None = Field(default=None, description="The call's budget, as for chats.")
    instructions: str | None = None
    stream: bool | None = None
    stream_options: Json | None = None
    max_output_tokens: Tokens | None = None
    tools: list[Json] | None = None
    tool_choice: str | Json | None = None
    parallel_tool_calls: bool | None = None
    max_tool_calls: int | None = Field(default=None, description="Of OpenAI's own tools, of which there are none here.")
    text: TextConfig | None = None
    reasoning: Reasoning | None = None
    include: list[str] | None = None
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = None
    top_p: Annotated[Number, Field(ge=0, le=1)] | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    service_tier: Literal["auto", "default"] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    metadata: dict[str, str] | None = None


def to_chat(request: ResponseRequest) -> Json:
    """The chat request that a response's is.

    Raises:
        Refusal: An item, a part or a tool that there is none of here.
    """
    turns = Turns()
    if request.instructions:
        turns.say("system", request.instructions)
    for item in [{"role": "user", "content": request.input}] if isinstance(request.input, str) else request.input:
        _add(turns, item)
    body = {**given(request, *_SAME, max_output_tokens="max_completion_tokens"), "messages": turns.messages()}
    if request.stream:
        body["stream_options"] = {"include_usage": True}
    if _LOGPROBS in (request.include or ()) or request.top_logprobs:
        body["logprobs"] = True
    if request.reasoning is not None:
        body |= given(request.reasoning, effort="reasoning_effort")
    if request.text is not None:
        body |= given(request.text, "verbosity")
        if request.text.format is not None:
            body["response_format"] = _format(request.text.format)
    tools = [_tool(tool) for tool in request.tools or ()]
    return {**body, **_chosen(request.tool_choice, tools)}


def _add(turns: Turns, item: Json) -> None:
    """Add one item of the input to the conversation."""
    kind = item.get("type") or ("message" if "role" in item else None)
    if kind == "message":
        role, content = _string(item, "role"), item.get("content")
        if role == "assistant":
            turns.answer(_content(content, glue=""))
        else:
            turns.say(role, _content(content))
    elif kind == "reasoning":
        shown = item.get("content") or item.get("summary") or ()
        turns.think("\n".join(part["text"] for part in shown if isinstance(part, dict) and "text" in part
                              and isinstance(part["text"], str)))  # fmt: skip
    elif kind == "function_call":
        turns.call(_string(item, "call_id"), _string(item, "name"), _string(item, "arguments"))
    elif kind == "custom_tool_call":
        turns.call(_string(item, "call_id"), _string(item, "name"), _string(item, "input"), custom=True)
    elif kind in ("function_call_output", "custom_tool_call_output"):
        turns.result(_string(item, "call_id"), _content(item.get("output")))
    elif kind == "item_reference":
        raise _refusal("input", "an item_reference names what OpenAI has stored; send the item itself.")
    else:
        known = "message, reasoning, function_call, function_call_output and those of custom tools"
        raise _refusal("input", f"there are no items of type {str(kind)[:100]!r} here, only {known}.")


def _content(content: Any, glue: str = "\n") -> Content:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise _refusal("input", "content is neither a text nor a list of parts.")
    return joined([_part(part) for part in content], glue)


def _part(part: Any) -> Json:
    """A part of a content as chats have it."""
    kind = part.get("type") if isinstance(part, Mapping) else None
    kept = (
        {"prompt_cache_breakpoint": part["prompt_cache_breakpoint"]}
        if kind and "prompt_cache_breakpoint" in part
        else {}
    )
    if kind in ("input_text", "output_text", "text"):
        return {"type": "text", "text": _string(part, "text"), **kept}
    if kind == "refusal":
        return {"type": "refusal", "refusal": _string(part, "refusal")}
    if kind == "input_image" and part.get("image_url"):
        detail = {"detail": part["detail"]} if part.get("detail") else {}
        return {"type": "image_url", "image_url": {"url": _string(part, "image_url"), **detail}, **kept}
    if kind == "input_file" and part.get("file_data"):
        name = _string(part, "filename") if part.get("filename") else "document"
        return {"type": "file", "file": {"filename": name, "file_data": _string(part, "file_data")}, **kept}
    if kind == "input_audio":
        return {"type": "input_audio", "input_audio": part.get("input_audio")}
    if kind in ("input_image", "input_file"):
        raise _refusal("input", f"an {kind} must hold its data (image_url or file_data): nothing is stored here.")
    raise _refusal(
        "input", f"there are no parts of type {str(kind)[:100]!r} here; input_text, input_image, input_file."
    )


def _tool(tool: Json) -> Json:
    kind = tool.get("type")
    if kind == "function":
        names = ("name", "description", "parameters", "strict")
        return {"type": "function", "function": {key: tool[key] for key in names if tool.get(key) is not None}}
    if kind == "custom":
        made = {key: tool[key] for key in ("name", "description") if tool.get(key) is not None}
        form = tool.get("format")
        if isinstance(form, dict) and form.get("type") == "grammar":
            form = {"type": "grammar", "grammar": {key: value for key, value in form.items() if key != "type"}}
        return {"type": "custom", "custom": {**made, **({"format": form} if form else {})}}
    raise _refusal("tools", f"the tool {str(kind)[:100]!r} runs at OpenAI and costs beside the price per token; "
                   "give the model a function of your own.")  # fmt: skip


def _chosen(choice: str | Json | None, tools: list[Json]) -> Json:
    """The tools and the choice among them."""
    body: Json = {"tools": tools} if tools else {}
    if choice is None or isinstance(choice, str):
        return {**body, **({"tool_choice": choice} if choice is not None else {})}
    kind, name = choice.get("type"), choice.get("name")
    if kind in ("function", "custom"):
        return {**body, "tool_choice": {"type": kind, kind: {"name": name}}}
    if kind == "allowed_tools":  # only OpenAI's own endpoint knows it; fewer tools are the same
        listed = choice.get("tools")
        allowed = [one.get("name") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        left = [tool for tool in tools if tool[tool["type"]].get("name") in allowed]
        return {"tools": left, "tool_choice": choice.get("mode") or "auto"}
    raise _refusal("tool_choice", f"there are no tools of type {str(kind)[:100]!r} here.")


def _format(form: Json) -> Json:
    if form.get("type") != "json_schema":
        return form
    return {"type": "json_schema", "json_schema": {key: value for key, value in form.items() if key != "type"}}


def _string(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    if not isinstance(value, str):
        raise _refusal("input", f"{name!r} of an item or part is no text.")
    return value


def _refusal(param: str, what: str) -> Refusal:
    return Refusal(400, f"{param}: {what}", code="invalid_value", param=param)


_STATELESS = "nothing is kept here; send all items so far in `input`."
RESPONSES = Dialect(
    "/v1/responses",
    ResponseRequest,
    to_chat,
    ResponseTeller,
    {
        "previous_response_id": Refused(_STATELESS),
        "conversation": Refused(_STATELESS),
        "store": Refused("nothing is kept here; send store=false, and all items so far in `input`.", (False,)),
        "background": Refused("nothing is kept here that could be fetched later; stream the answer.", (False,)),
        "prompt": Refused("it names a template that OpenAI has stored; send `instructions` and `input`."),
        "context_management": Refused("nothing is shortened here; send fewer items."),
        "truncation": Refused("nothing is shortened here; send fewer items.", ("disabled",)),
        "moderation": Refused("Leeroo asks no moderation model; ask it yourself."),
        "prompt_cache_options": Refused("use prompt_cache_key and prompt_cache_retention."),
    },
)
