"""`/v1/messages`: Anthropic's format. How a request becomes a chat's."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from leeroo.endpoints.marks import marked, with_mark
from leeroo.serve.dialects.dialect import Dialect, Json, Refused, given
from leeroo.serve.dialects.telling import MessageTeller
from leeroo.serve.dialects.turns import Content, Turns, joined
from leeroo.serve.errors import Refusal
from leeroo.serve.schemas import Number, Tokens

_SAME = ("model", "leeroo", "stream", "temperature", "top_p", "top_k")
_USER = re.compile(r"[\w.-]{1,64}", re.ASCII)
"""A user's name that every provider takes; longer ones are refused by some, as are other characters."""
_LITTLE, _MUCH = 2_048, 8_192
"""Tokens of thinking that are taken for a low and for a high effort, below and above."""


class Thinking(BaseModel):
    """Whether and how long to think."""

    model_config = ConfigDict(extra="allow")

    type: Literal["enabled", "disabled", "adaptive"]
    budget_tokens: Tokens | None = None


class OutputConfig(BaseModel):
    """How much effort the answer is worth, and its form."""

    model_config = ConfigDict(extra="forbid")

    effort: str | None = None
    format: Json | None = None


class MessageRequest(BaseModel):
    """A request for a message, in Anthropic's format."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(description="As for chats.", examples=["leeroo"])
    messages: list[Json] = Field(
        min_length=1, examples=[[{"role": "user", "content": "What is the capital of France?"}]]
    )
    max_tokens: Tokens = Field(examples=[1024])
    leeroo: Json | None = Field(default=None, description="The call's budget, as for chats.")
    system: str | list[Json] | None = None
    stream: bool | None = None
    stop_sequences: list[str] | None = None
    tools: list[Json] | None = None
    tool_choice: Json | None = None
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = None
    top_p: Annotated[Number, Field(ge=0, le=1)] | None = None
    top_k: int | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    output_format: Json | None = None
    metadata: Json | None = None
    cache_control: Json | None = Field(default=None, description="Stands for a mark on the last message.")
    service_tier: Literal["auto", "standard_only"] | None = None
    context_management: Json | None = Field(default=None, description="Thinking may be cleared, which is done anyway.")


class CountRequest(MessageRequest):
    """A request whose input is to be counted: as for a message, but for the output cap, which it need not have."""

    max_tokens: Tokens | None = None  # type: ignore[assignment]


def to_chat(request: MessageRequest) -> Json:
    """The chat request that a message's is.

    Raises:
        Refusal: A block or a tool that there is none of here.
    """
    turns = Turns()
    if request.system:
        turns.say("system", _content(request.system))
    for message in request.messages:
        _add(turns, message)
    body = {
        **given(request, *_SAME, max_tokens="max_tokens", stop_sequences="stop"),
        "messages": _marked(turns.messages(), request.cache_control),
        **({"stream_options": {"include_usage": True}} if request.stream else {}),
        **({"tools": [_tool(tool) for tool in request.tools]} if request.tools else {}),
        **_chosen(request.tool_choice),
        **_effort(request),
    }
    user = (request.metadata or {}).get("user_id")
    if isinstance(user, str) and _USER.fullmatch(user):
        body["user"] = user
    form = (request.output_config and request.output_config.format) or request.output_format
    if form:
        schema = {"name": "answer", "schema": form.get("schema"), "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    edits = (request.context_management or {}).get("edits")
    for edit in edits if isinstance(edits, list) else ():
        kind = str(edit.get("type") if isinstance(edit, dict) else edit)[:100]
        if not kind.startswith("clear_thinking"):
            raise _refusal("context_management", f"nothing of the kind {kind!r} is done here; send fewer messages.")
    return body


def _add(turns: Turns, message: Json) -> None:
    """Add one message to the conversation."""
    role, content = message.get("role"), message.get("content")
    if role not in ("user", "assistant", "system"):
        raise _refusal("messages", f"the role {str(role)[:100]!r} is none; user, assistant or system.")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else _blocks(content)
    said: list[Json] = []
    for block in blocks:
        kind = block.get("type")
        if role == "assistant" and kind in ("thinking", "redacted_thinking"):
            turns.think(_string(block, "thinking") if kind == "thinking" else "")
        elif role == "assistant" and kind == "tool_use":
            _say(turns, role, said)
            turns.call(_string(block, "id"), _string(block, "name"), json.dumps(block.get("input") or {}))
        elif role == "user" and kind == "tool_result":
            _say(turns, role, said)
            turns.result(_string(block, "tool_use_id"), _result(block))
        else:
            said += _part(block)
    _say(turns, role, said)


def _say(turns: Turns, role: str, said: list[Json]) -> None:
    if said and role == "assistant":
        turns.answer(joined(said, ""))
    elif said:
        turns.say(role, joined(said))
    said.clear()


def _marked(messages: list[Json], mark: Json | None) -> list[Json]:
    """A mark to cache everything stands at the end in a chat."""
    return marked(messages, mark, beginning=False) if mark else messages


def _result(block: Json) -> Content:
    content = _content(block.get("content") or "")
    if block.get("cache_control"):
        content = with_mark(content, block["cache_control"]) or content
    if not block.get("is_error"):
        return content
    # Chats have no mark for it, and the model is to know.
    return f"Error: {content}" if isinstance(content, str) else [{"type": "text", "text": "Error:"}, *content]


def _content(content: Any) -> Content:
    return (
        content if isinstance(content, str) else joined([part for block in _blocks(content) for part in _part(block)])
    )


def _blocks(content: Any) -> list[Json]:
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise _refusal("messages", "content is neither a text nor a list of blocks.")
    return content


def _part(block: Json) -> list[Json]:
    """A block as the parts of a chat's message."""
    kind, source = block.get("type"), block.get("source")
    source = source if isinstance(source, dict) else {}
    kept = {"cache_control": block["cache_control"]} if block.get("cache_control") else {}
    if kind == "text":
        return [{"type": "text", "text": _string(block, "text"), **kept}]
    if kind == "image" and source.get("type") in ("base64", "url"):
        return [{"type": "image_url", "image_url": {"url": _address(source)}, **kept}]
    if kind == "document":
        title = _string(block, "title") if block.get("title") else "document"
        if source.get("type") == "base64":
            return [{"type": "file", "file": {"filename": title, "file_data": _address(source)}, **kept}]
        if source.get("type") == "text":
            return [{"type": "text", "text": f"{title}\n{_string(source, 'data')}", **kept}]
        if source.get("type") == "content":
            inner = _content(source.get("content"))
            return [{"type": "text", "text": inner, **kept}] if isinstance(inner, str) else inner
    if kind == "search_result":
        head = "\n".join(_string(block, name) for name in ("title", "source"))
        return [{"type": "text", "text": head, **kept}, *(p for b in _blocks(block.get("content")) for p in _part(b))]
    if kind in ("image", "document"):
        raise _refusal("messages", f"{kind}: its source must hold the data, or be the URL of an image.")
    raise _refusal("messages", f"there are no blocks of type {str(kind)[:100]!r} here.")


def _address(source: Json) -> str:
    if source["type"] == "url":
        return _string(source, "url")
    return f"data:{_string(source, 'media_type')};base64,{_string(source, 'data')}"


def _tool(tool: Json) -> Json:
    if tool.get("type") not in (None, "custom"):
        raise _refusal("tools", f"the tool {str(tool['type'])[:100]!r} is known to Anthropic's models only; "
                       "describe it by name and input_schema.")  # fmt: skip
    function = {key: tool[key] for key in ("name", "description", "strict") if tool.get(key) is not None}
    kept = {"cache_control": tool["cache_control"]} if tool.get("cache_control") else {}
    return {"type": "function", "function": {**function, "parameters": tool.get("input_schema") or {}}, **kept}


def _chosen(choice: Json | None) -> Json:
    if choice is None:
        return {}
    kind = choice.get("type")
    known: Mapping[Any, Any] = {"auto": "auto", "any": "required", "none": "none"}
    if kind == "tool":
        chosen: Any = {"type": "function", "function": {"name": choice.get("name")}}
    elif kind in known:
        chosen = known[kind]
    else:
        raise _refusal("tool_choice", f"{str(kind)[:100]!r} is no choice; auto, any, tool or none.")
    return {
        "tool_choice": chosen,
        **({"parallel_tool_calls": False} if choice.get("disable_parallel_tool_use") else {}),
    }


def _effort(request: MessageRequest) -> Json:
    """How much to think, as chats have it."""
    thinking = request.thinking
    if thinking is None or thinking.type == "disabled":
        return {}
    if request.output_config is not None and request.output_config.effort is not None:
        effort = request.output_config.effort
        return {"reasoning_effort": "xhigh" if effort == "max" else effort}
    if thinking.budget_tokens is None:
        return {}
    most = thinking.budget_tokens
    return {"reasoning_effort": "low" if most < _LITTLE else "high" if most > _MUCH else "medium"}


def _string(block: Mapping[str, Any], name: str) -> str:
    value = block.get(name)
    if not isinstance(value, str):
        raise _refusal("messages", f"{name!r} of a block is no text.")
    return value


def _refusal(param: str, what: str) -> Refusal:
    return Refusal(400, f"{param}: {what}", code="invalid_value", param=param)


MESSAGES = Dialect(
    "/v1/messages",
    MessageRequest,
    to_chat,
    MessageTeller,
    {
        "mcp_servers": Refused("they run at Anthropic; have your client call them, and give their tools as its own."),
        "container": Refused("nothing runs here; give the model tools of your own."),
        "inference_geo": Refused("where experts run the server's pool file says.", ("global",)),
        "speed": Refused("it costs beside the expert's price per token, so no cap could be kept.", ("standard",)),
    },
)
COUNTING = replace(MESSAGES, path="/v1/messages/count_tokens", schema=CountRequest)
"""`/v1/messages/count_tokens`: nobody is asked, and nothing is spent."""
