"""OpenTelemetry spans of GenAI calls: the semantic conventions, and what OpenLLMetry and OpenInference write."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from leeroo.outcomes.found import Found, NotACall, first
from leeroo.outcomes.messages import Message, messages_of

Json = Mapping[str, Any]

_MODEL = ("gen_ai.request.model", "gen_ai.response.model", "llm.model_name", "llm.request.model")
_READ = (
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "llm.token_count.prompt",
    "llm.usage.prompt_tokens",
)
_WRITTEN = (
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.token_count.completion",
    "llm.usage.completion_tokens",
)
_CACHED = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "llm.token_count.prompt_details.cache_read",
)
_COST = ("gen_ai.usage.cost", "llm.cost.total", "gen_ai.cost.total")
_PROMPTS = ("gen_ai.input.messages", "gen_ai.prompt", "llm.prompts", "input.value")
_NO_CALLS = frozenset(["embeddings", "execute_tool", "invoke_agent", "create_agent", "invoke_workflow", "retrieval"])
_INDEXED = re.compile(r"(?:gen_ai\.prompt|llm\.prompts|llm\.input_messages)\.(\d+)\.(?:message\.)?(role|content)")
_EVENT = re.compile(r"gen_ai\.(system|user|assistant|tool)\.message")


def otel(record: Json) -> Iterator[Found | NotACall]:
    """Spans in an OTLP request, or one span."""
    requests = first(record, "resourceSpans", "resource_spans")
    if requests is None:
        yield _span(record)
        return
    for resource in requests:
        for scope in first(resource, "scopeSpans", "scope_spans", "instrumentationLibrarySpans") or ():
            for span in scope.get("spans") or ():
                yield _span(span)


def _span(span: Json) -> Found | NotACall:
    told = _attributes(span.get("attributes"))
    model = first(told, *_MODEL)
    if model is None or told.get("gen_ai.operation.name") in _NO_CALLS or "embed" in str(model):
        return NotACall()
    system = [{**m, "role": "system"} for m in messages_of(told.get("gen_ai.system_instructions"))]
    return Found(
        system + _prompt(told, span),
        model,
        (),
        first(told, *_READ),
        first(told, *_WRITTEN),
        first(told, *_CACHED),
        first(told, *_COST),
    )


def _prompt(told: Json, span: Json) -> list[Message]:
    """The messages: from an attribute, from numbered attributes, or from events."""
    indexed: dict[int, dict[str, Any]] = {}
    for key, value in told.items():
        if match := _INDEXED.fullmatch(key):
            indexed.setdefault(int(match[1]), {"role": "user"})[match[2]] = value
    if indexed:
        return [message for at in sorted(indexed) for message in messages_of(indexed[at])]
    for key in _PROMPTS:
        if found := messages_of(told.get(key)):
            return found
    messages: list[Message] = []
    for event in span.get("events") or ():
        about = _attributes(event.get("attributes"))
        match = _EVENT.fullmatch(str(event.get("name", "")))
        if match:
            body = first(event, "body")
            content = first(about, "content", "gen_ai.event.content") or first(_value(body), "content")
            messages += messages_of({"role": match[1], "content": content})
        else:
            messages += messages_of(first(about, "gen_ai.input.messages", "gen_ai.prompt"))
    return messages


def _attributes(given: Any) -> dict[str, Any]:
    """Attributes by name, from OTLP's list of pairs or from a mapping."""
    if isinstance(given, Mapping):
        return {str(key): _value(value) for key, value in given.items()}
    pairs = given if isinstance(given, list) else ()
    return {str(pair.get("key")): _value(pair.get("value")) for pair in pairs if isinstance(pair, Mapping)}


def _value(value: Any) -> Any:
    """A value out of OTLP's `{"stringValue": ...}`; anything else as it is."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return value
    ((kind, inner),) = value.items()
    plain = str(kind).replace("_", "").lower()
    if plain == "arrayvalue":
        return [_value(one) for one in first(inner, "values") or ()]
    if plain == "kvlistvalue":
        return _attributes(first(inner, "values"))
    if plain == "intvalue":
        return int(inner)
    return inner if plain in ("stringvalue", "doublevalue", "boolvalue") else value
