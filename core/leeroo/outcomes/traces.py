"""Logs of chat completions, LangSmith runs and Langfuse traces: one reader each of one record."""

from collections.abc import Iterator, Mapping
from typing import Any

from leeroo.outcomes.found import Found, NotACall, first, inner
from leeroo.outcomes.messages import messages_of, opened
from leeroo.pool.tokens import BYTES_PER_TOKEN

_READ = ("prompt_tokens", "input_tokens", "promptTokens", "inputTokens", "input", "prompt")
_WRITTEN = ("completion_tokens", "output_tokens", "completionTokens", "outputTokens", "output", "completion")
_CACHED = ("cached_tokens", "cache_read", "input_cached_tokens", "cache_read_input_tokens")
_COST = ("cost", "total_cost", "response_cost", "totalCost", "calculatedTotalCost", "calculated_total_cost")
LANGFUSE_KINDS = frozenset(["GENERATION", "SPAN", "EVENT", "AGENT", "TOOL", "CHAIN", "RETRIEVER", "EMBEDDING"])


def openai_log(record: Mapping[str, Any]) -> Iterator[Found | NotACall]:
    """Chat completions or responses: request and answer side by side, one within the other, or batch files."""
    request = opened(first(record, "request", "body")) or record
    request = opened(first(request, "body")) or request
    answer = opened(first(record, "response"))
    answer = opened(first(answer, "body")) or answer
    model = first(request, "model") or first(record, "model") or first(answer, "model")
    if "embed" in str(model).lower() or "embed" in str(first(record, "url", "endpoint") or "").lower():
        yield NotACall()
        return
    usage = first(answer, "usage") or first(record, "usage") or first(request, "usage")
    messages = messages_of(first(request, "messages", "input", "prompt") or first(record, "query"))
    instructions = first(request, "instructions")
    if isinstance(instructions, str):
        messages = [{**m, "role": "system"} for m in messages_of(instructions)] + messages
    written = first(usage, *_WRITTEN)
    if answer is None and len(messages) > 1 and messages[-1]["role"] == "assistant":
        # A fine-tuning file, or a history with its answer at the end: the answer is no part of the question.
        last = messages.pop()
        written = len(str(last["content"])) / BYTES_PER_TOKEN if written is None else written
    if written is None:
        written = _length(answer if answer is not None else record)
    details = first(usage, "prompt_tokens_details", "input_tokens_details")
    tools = first(request, "tools", "functions")
    yield Found(
        messages,
        model,
        tools if isinstance(tools, list) else (),
        first(usage, *_READ),
        written,
        first(details, *_CACHED) or first(usage, *_CACHED),
        first(record, *_COST) or first(usage, *_COST),
    )


def langsmith(record: Mapping[str, Any]) -> Iterator[Found | NotACall]:
    """LangSmith runs; those within a run, too."""
    for child in record.get("child_runs") or ():
        yield from langsmith(child)
    if str(record.get("run_type")) not in ("llm", "chat_model"):
        yield NotACall()
        return
    extra, outputs, inputs = (opened(record.get(key)) for key in ("extra", "outputs", "inputs"))
    asked = first(extra, "invocation_params")
    about = first(extra, "metadata")
    generation = first(outputs, "generations")
    while isinstance(generation, list) and generation:
        generation = generation[0]
    message = inner(generation, "message", "kwargs") or first(generation, "message")
    usage = (
        inner(outputs, "llm_output", "token_usage")
        or first(outputs, "usage_metadata", "usage")
        or first(message, "usage_metadata")
        or record
    )
    details = first(usage, "input_token_details", "prompt_tokens_details")
    tools = first(asked, "tools", "functions")
    yield Found(
        messages_of(inputs),
        first(asked, "model", "model_name") or first(about, "ls_model_name") or first(record, "model"),
        tools if isinstance(tools, list) else (),
        first(usage, *_READ[:4]) or first(record, *_READ[:4]),
        first(usage, *_WRITTEN[:4]) or first(record, *_WRITTEN[:4]) or _length(outputs),
        first(details, *_CACHED),
        first(record, *_COST),
    )


def langfuse(record: Mapping[str, Any]) -> Iterator[Found | NotACall]:
    """Langfuse traces with their observations, or observations alone."""
    observations = opened(record.get("observations"))
    if isinstance(observations, list):
        for observation in observations:
            yield from langfuse(observation) if isinstance(observation, Mapping) else (NotACall(),)
        return
    if str(record.get("type", "")).upper() != "GENERATION":
        yield NotACall()
        return
    usage = opened(first(record, "usageDetails", "usage_details", "usage"))
    costs = opened(first(record, "costDetails", "cost_details"))
    asked = opened(record.get("input"))
    tools = first(asked, "tools")
    yield Found(
        messages_of(asked),
        first(record, "model", "providedModelName", "provided_model_name"),
        tools if isinstance(tools, list) else (),
        first(usage, *_READ) or first(record, *_READ[:4]),
        first(usage, *_WRITTEN) or first(record, *_WRITTEN[:4]) or _length(opened(record.get("output"))),
        first(usage, *_CACHED),
        first(costs, "total") or first(record, *_COST),
    )


def _length(answer: Any) -> float | None:
    """About how many tokens an answer has, where nothing counts them; None where there is none."""
    choices = first(answer, "choices")
    if isinstance(choices, list) and choices:
        answer = first(choices[0], "message", "text", "delta")
    if isinstance(answer, Mapping):
        answer = first(answer, "content", "output_text", "text", "output")
    return len(answer.encode("utf-8", "replace")) / BYTES_PER_TOKEN if isinstance(answer, str) and answer else None
