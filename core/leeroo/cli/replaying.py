"""`leeroo whatif`: what a pool would have cost for calls that were logged, before a single call is made."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from leeroo.budget import Budget
from leeroo.cli.importing import prices_of, print_left_out
from leeroo.cli.options import AsJson, PoolOption, with_budget
from leeroo.cli.pools import open_router
from leeroo.cli.printing import out, paragraph, print_json
from leeroo.errors import ConfigError
from leeroo.money import show_usd
from leeroo.outcomes.traffic import AUTO, Prices, read_traffic
from leeroo.outcomes.whatif import NOBODY, Flow, Replay, Replayed, WhatIf
from leeroo.routing.telling import HELPS
from leeroo.visible import counted, spreadsheet_cell

SHOWN = 12
"""Flows from one model to another that are shown; the rest is summed up."""
COLUMNS = ("file", "line", "model", "expert", "moved", "paid_usd", "would_usd", "predicted_quality")


@with_budget
def whatif(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Logs, or calls.jsonl of `leeroo import`.")],
    budget: Budget,
    pool: PoolOption = None,
    form: Annotated[
        str, typer.Option("--format", help="openai-log, langsmith, langfuse, otel; by its looks when absent.")
    ] = AUTO,
    sample: Annotated[int | None, typer.Option(min=1, help="Decide so many calls only, drawn evenly.")] = None,
    calls: Annotated[Path | None, typer.Option(help="Write every call's decision here, as CSV, without texts.")] = None,
    price: Annotated[list[str] | None, typer.Option(help="MODEL=IN,OUT in USD per 1M tokens. May be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a pool would have cost for calls that were made, and which would have moved.

    Nothing is called, and no prompt leaves this machine or is printed. The same tokens are counted at the price of the
    expert that the router would choose. Example: `leeroo whatif calls.jsonl --pool pool.yaml --min-quality 0.7`
    """
    prices = Prices(prices_of(price))
    waiting = Console(stderr=True).status("Reading and deciding ...")
    with open_router(pool, run=False) as router, _decisions(calls) as note, waiting:
        found = Replay(router, budget, prices).run(read_traffic(files, form), sample=sample, each=note)
    print_left_out(found.skipped, found.left_out)
    if not found.calls:
        raise ConfigError(
            f"No call of an LLM could be read from {len(files)} file(s): give --format if the guess failed."
        )
    if as_json:
        print_json(_as_dict(found))
    else:
        _print(found)


@contextmanager
def _decisions(path: Path | None) -> Iterator[Callable[[Replayed], None] | None]:
    if path is None:
        yield None
        return
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)

        def note(one: Replayed) -> None:
            quality = None if one.quality is None else round(one.quality, 4)
            call = one.call
            row = (call.file, call.line, call.model, one.expert, one.moved, one.paid, one.would, quality)
            rows.writerow(map(spreadsheet_cell, row))

        yield note


def _as_dict(found: WhatIf) -> dict[str, object]:
    total, count = found.qualities
    return {
        "calls": found.calls,
        "read": found.read,
        "left_out": found.left_out,
        "other_records": found.others,
        "paid": found.paid,
        "would": found.would,
        "saved": found.saved,
        "moved": found.moved,
        "predicted_quality": total / count if count else None,
        "nothing_learned_of": sorted(found.guessed),
        "flows": [asdict(flow) for flow in _largest(found)],
    }


def _largest(found: WhatIf) -> list[Flow]:
    return sorted(found.flows.values(), key=lambda f: (-max(f.paid, f.would), -f.calls, f.model, f.expert))


def _print(found: WhatIf) -> None:
    sampled = f", {found.calls} drawn and decided" if found.read > found.calls + found.left_out else ""
    others = ""
    if found.others:
        others = f"; {counted(found.others, 'record is no call', 'records are no calls')} of an LLM"
    left_out = f"; {found.left_out} left out" if found.left_out else ""
    _line(f"{counted(found.read, 'call')} read{sampled}{others}{left_out}.")
    priced = sum(flow.priced for flow in found.flows.values() if flow.expert != NOBODY)
    _line(f"Paid:     {show_usd(found.paid)} for the {counted(priced, 'call')} whose cost is known.")
    _line(f"Would be: {show_usd(found.would)}{share_in_words(found.saved)}.", bold=True)
    _line(f"Moved:    {found.moved} of {counted(found.calls, 'call')} would go to another model.")
    unpriced = sum(flow.calls - flow.priced for flow in found.flows.values() if flow.expert != NOBODY)
    if unpriced:
        more = sum(flow.would_unpriced for flow in found.flows.values())
        _line(f"{counted(unpriced, 'call')} of unknown cost would be {show_usd(more)} more. Give --price MODEL=IN,OUT.")
    _qualities(found)
    _guessed(found)
    out.print()
    flows = _largest(found)
    for flow in flows[:SHOWN]:
        _flow(flow)
    if len(flows) > SHOWN:
        rest = counted(sum(f.calls for f in flows[SHOWN:]), "call")
        _line(f"  ... and {rest} in {counted(len(flows) - SHOWN, 'smaller group')}")
    paragraph(
        "The same tokens at the experts' prices, as decided without a call; answers of another length cost otherwise."
    )


def share_in_words(saved: float | None) -> str:
    """How much less or more that is, behind a comma; nothing where it is not known. Only what is free is 100% less."""
    if saved is None:
        return ""
    if 0.995 <= saved < 1:
        return ", more than 99% less"
    percent = round(100 * abs(saved))
    return f", {percent}% {'less' if saved > 0 else 'more'}" if percent else ", about the same"


def _qualities(found: WhatIf) -> None:
    total, count = found.qualities
    known, number, other = found.before
    if number:
        before, after = known / number, other / number
        _line(
            f"Quality:  {before:.2f} predicted of who answered, {after:.2f} of who would, on {counted(number, 'call')}."
        )
    elif count:
        _line(f"Quality:  {total / count:.2f} predicted of who would answer; of who did, nothing was learned.")


def _guessed(found: WhatIf) -> None:
    """Say of whom nothing but the price is known, or not even that."""
    if found.guessed:
        _line(f"Beware:   of {', '.join(sorted(found.guessed))} too little is known to choose well. {HELPS}")


def _flow(flow: Flow) -> None:
    model = flow.model or "(model not logged)"
    if flow.expert == NOBODY:
        _line(f"  {flow.calls:>7}  {model}: no expert may take them")
        return
    stays = flow.model and not flow.moved
    way = f"{model} stays" if stays else f"{model} -> {flow.expert}"
    money = f"{show_usd(flow.paid)} -> {show_usd(flow.would)}" if flow.priced else "cost not known"
    _line(f"  {flow.calls:>7}  {way}: {money}")


def _line(text: str, *, bold: bool = False) -> None:
    later = " " * (11 if text.startswith("  ") else 10)
    paragraph(text, later=later, most=100, style="bold" if bold else None)
