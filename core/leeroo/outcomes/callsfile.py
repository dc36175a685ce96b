"""Logged calls as one file of our own, `calls.jsonl`: a call per line with its query, tokens and cost."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from leeroo.money import show_usd
from leeroo.outcomes.formats import Skipped
from leeroo.outcomes.found import NotACall
from leeroo.outcomes.traffic import Logged, Prices
from leeroo.visible import counted

KEPT = 20
"""Records left out that are remembered one by one."""


@dataclass
class Written:
    """What was written.

    Attributes:
        calls: How many.
        models: Their names.
        cost: USD, of those whose cost is known.
        unpriced: Calls whose cost is not known.
        others: Records that are no calls of an LLM.
        left_out: Records that could not be read.
        skipped: The first of these.
    """

    calls: int = 0
    models: set[str] = field(default_factory=set)
    cost: float = 0.0
    unpriced: int = 0
    others: int = 0
    left_out: int = 0
    skipped: list[Skipped] = field(default_factory=list)

    def summary(self) -> str:
        """One line for people."""
        unknown = f" ({self.unpriced} of unknown cost)" if self.unpriced else ""
        others = f"{self.others} other records, " if self.others else ""
        return (
            f"{counted(self.calls, 'call')} of {counted(len(self.models), 'model')}, {show_usd(self.cost)}{unknown}; "
            f"{others}{self.left_out} left out."
        )


def write_calls(found: Iterable[Logged | Skipped | NotACall], path: Path, prices: Prices) -> Written:
    """Write calls, one at a time, beside the place and then into it: never a half file there.

    Args:
        found: From `read_traffic`.
        path: The file.
        prices: For calls whose log states no cost.
    """
    written = Written()
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    try:
        with beside.open("w", encoding="utf-8") as file:
            for one in found:
                if isinstance(one, Logged):
                    file.write(_line(one, prices, written))
                elif isinstance(one, NotACall):
                    written.others += 1
                else:
                    written.left_out += 1
                    written.skipped = [*written.skipped, one][:KEPT]
        if written.calls:
            beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return written


def _line(call: Logged, prices: Prices, written: Written) -> str:
    paid = prices.paid(call)
    written.calls += 1
    written.models.add(call.model)
    written.cost += paid or 0.0
    written.unpriced += paid is None
    usage = {
        "prompt_tokens": call.input_tokens,
        "completion_tokens": call.output_tokens,
        "cached_tokens": call.cached_tokens,
    }
    # The form of a chat completion's log, so that it can be read again as one.
    line = {"model": call.model, "messages": call.messages, "usage": usage, "cost": paid}
    return json.dumps(line | ({"tools": call.tools} if call.tools else {}), ensure_ascii=False) + "\n"
