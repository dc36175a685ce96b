"""Calls that were made, from the exports of the tools that logged them: queries, models, tokens and costs."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leeroo.errors import ConfigError, did_you_mean
from leeroo.outcomes import spans, traces
from leeroo.outcomes.formats import Skipped
from leeroo.outcomes.found import Found, NotACall
from leeroo.outcomes.messages import Message, mask
from leeroo.outcomes.streaming import records_of
from leeroo.pool.experts import Expert
from leeroo.pool.listing import look_up
from leeroo.pool.prices import Price

__all__ = ["AUTO", "TRAFFIC", "Logged", "Prices", "expert_named", "read_traffic"]

AUTO = "auto"
TRAFFIC: dict[str, Callable[[Mapping[str, Any]], Iterator[Found | NotACall]]] = {
    "openai-log": traces.openai_log,
    "langsmith": traces.langsmith,
    "langfuse": traces.langfuse,
    "otel": spans.otel,
}
"""Readers of one record, by the name of their format."""
_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Logged:
    """One call that was made. Keys in its texts are masked.

    Attributes:
        file: Its file.
        line: Its line or, in a JSON array, its number; from 1.
        messages: What was asked, in OpenAI's form.
        model: Who was asked, empty where the log does not say.
        tools: Tool schemas that were sent.
        input_tokens: None where the log does not say.
        output_tokens: None where the log does not say.
        cached_tokens: Input tokens read from the provider's cache.
        cost: USD as the log states it, None where it does not.
    """

    file: str
    line: int
    messages: tuple[Message, ...]
    model: str
    tools: tuple[Any, ...] = ()
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int = 0
    cost: float | None = None


def read_traffic(files: Sequence[Path], form: str = AUTO) -> Iterator[Logged | Skipped | NotACall]:
    """The calls in exports, one at a time; memory holds one record.

    Args:
        files: JSON Lines, JSON or CSV, maybe gzipped.
        form: One of `TRAFFIC`, or "auto": by what each record looks like.

    Yields:
        A call; or why a record was left out; or that it is no call of an LLM, such as a tool's span.

    Raises:
        ConfigError: An unknown format, or a file that cannot be read.
    """
    if form != AUTO and form not in TRAFFIC:
        raise ConfigError(f"Unknown format {form!r}.{did_you_mean(form, (*TRAFFIC, AUTO))}")
    for file in files:
        for line, record in records_of(file):
            yield from _read(record, str(file), line, form)


def _read(record: Any, file: str, line: int, form: str) -> Iterator[Logged | Skipped | NotACall]:
    if not isinstance(record, Mapping):
        yield Skipped(file, line, str(record) if isinstance(record, ValueError) else "not an object")
        return
    pages = record.get("data")
    if isinstance(pages, list) and len(record) <= 3:  # a page of an API, saved as it came
        for part in pages:
            yield from _read(part, file, line, form)
        return
    reader = TRAFFIC[_looks_like(record) if form == AUTO else form]
    try:
        for found in reader(record):
            yield found if isinstance(found, NotACall) else _checked(found, file, line)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, RecursionError):
        # The error's own words may repeat the prompt.
        yield Skipped(file, line, "its fields do not have the types of this format")


def _checked(found: Found, file: str, line: int) -> Logged | Skipped:
    if not any(message.get("content") or message.get("tool_calls") for message in found.messages):
        return Skipped(file, line, "has no text of a prompt (is the capture of messages switched on?)")
    name = mask("".join(c for c in str(found.model or "") if c.isprintable()).strip())[:_LONGEST_NAME]
    return Logged(
        file=file,
        line=line,
        messages=tuple(found.messages),
        model=name,
        tools=tuple(json.loads(mask(json.dumps(list(found.tools))))),
        input_tokens=_tokens(found.input_tokens),
        output_tokens=_tokens(found.output_tokens),
        cached_tokens=_tokens(found.cached_tokens) or 0,
        cost=_number(found.cost),
    )


def _looks_like(record: Mapping[str, Any]) -> str:
    if "resourceSpans" in record or "resource_spans" in record or ("attributes" in record and "messages" not in record):
        return "otel"
    if "run_type" in record:
        return "langsmith"
    kind = str(record.get("type", "")).upper()
    if "observations" in record or (kind in traces.LANGFUSE_KINDS and ("input" in record or "traceId" in record)):
        return "langfuse"
    return "openai-log"


def _number(value: Any) -> float | None:
    """A number of 0 or more, from a number or a text; None where it is none."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and 0 <= number < 1e12 else None


def _tokens(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


class Prices:
    """What logged models cost: as given, else by their list price.

    Args:
        given: USD per 1M tokens (input, output) by the model's name in the log.
    """

    def __init__(self, given: Mapping[str, tuple[float, float]] | None = None) -> None:
        self._known: dict[str, Price | None] = {
            name: Price(input=rates[0], output=rates[1]) for name, rates in (given or {}).items()
        }

    def of(self, model: str) -> Price | None:
        """A model's price, None where it is not known."""
        if model not in self._known:
            self._known[model] = _listed(model)
        return self._known[model]

    def paid(self, call: Logged, input_tokens: int | None = None, output_tokens: int | None = None) -> float | None:
        """USD that a call cost: as the log states it, else its tokens at the model's price; None where not known.

        Args:
            call: The call.
            input_tokens: Used where the log does not say.
            output_tokens: Used where the log does not say.
        """
        if call.cost is not None:
            return call.cost
        read = input_tokens if call.input_tokens is None else call.input_tokens
        written = output_tokens if call.output_tokens is None else call.output_tokens
        price = self.of(call.model)
        if price is None or read is None or written is None:
            return None
        return price.cost(read, written, call.cached_tokens) / 1e9


def expert_named(model: str) -> Expert | None:
    """A logged model as an expert, None where its name can be none."""
    try:
        return Expert(model=model, name=model) if model else None
    except ConfigError:  # it looks like a secret
        return None


def _listed(model: str) -> Price | None:
    for name in (model, model.rsplit("/", 1)[-1]):
        expert = expert_named(name)
        found = None if expert is None else look_up(expert)
        if found is not None:
            return found.price
    return None
