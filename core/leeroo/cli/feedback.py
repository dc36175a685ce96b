"""`leeroo feedback` and `leeroo feedback-export`: how good answers were, and what the predictor can learn from that."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from leeroo.cli.ledger import Url, open_ledger_at
from leeroo.ledger.feedback import feedback as keep
from leeroo.visible import counted, visible

out = Console()


def feedback(
    call_id: Annotated[str, typer.Argument(help="The call_id of the answer's record.")],
    score: Annotated[float, typer.Argument(help="0 (useless) .. 1 (right).")],
    ledger: Url,
    note: Annotated[str | None, typer.Option(help="A few words; kept as they are.")] = None,
) -> None:
    """Say how good the answer of a call was.

    Example: `leeroo feedback 6f1c... 0.8 --ledger sqlite:///leeroo.db`
    """
    keep(call_id, score, note, ledger=ledger)
    out.print(f"{visible(call_id)}: {score:g}", highlight=False, markup=False)
    _tell_what_consult_may_learn(call_id, ledger)


def _tell_what_consult_may_learn(call_id: str, url: str) -> None:
    """After feedback on a call that consulted: what the consult model could be fitted on, and how.

    It is not fitted here: feedback comes one by one and from many places, a fit takes seconds, nobody has said where
    the model is to be kept, and which experts are asked should not change by a mark that somebody gives.
    """
    opened = open_ledger_at(url)
    try:
        found = opened.consulted(call_id)
    finally:
        opened.close()
    if not found.this:
        return
    from leeroo.evaluation.learned_consult import LEAST

    at = "" if os.environ.get("LEEROO_LEDGER") == url else f" --ledger {_shown(url)}"
    how = f"leeroo consult-fit{at} --out consult.json"
    words = f"{counted(found.calls, 'call')} of this ledger consulted, {found.marked} of them with feedback"
    if found.calls < LEAST:
        words += f"; from {LEAST} on, `{how}` fits the consult model on them."
    else:
        words += f". `{how}` fits the consult model on all of them; nothing is fitted before."
    out.print(words, highlight=False, markup=False, soft_wrap=True)


def _shown(url: str) -> str:
    """A ledger's URL as a command may show it: with a password in it, by the variable that it belongs in."""
    return url if url.startswith("sqlite") else "$LEEROO_LEDGER"


def feedback_export(
    ledger: Url,
    to: Annotated[
        Path, typer.Option("--out", help="Folder of an outcome table, or a .csv file of outcomes without queries.")
    ],
    pool: Annotated[Path | None, typer.Option(help="Pool file with the experts' prices; else looked up.")] = None,
) -> None:
    """Turn feedback into an outcome table, ready for `leeroo train` and `leeroo experts add`.

    Queries are in the ledger only where its URL says keep=query. For others, export a .csv file, add a column `query`
    from your own logs by call_id, and read it with `leeroo import plain`.

    Example: `leeroo feedback-export --ledger sqlite:///leeroo.db --pool pool.yaml --out data/feedback`
    """
    from leeroo.outcomes.feedback import to_csv, to_table

    rows = open_ledger_at(ledger).outcomes()
    if to.suffix == ".csv":
        to_csv(rows, to)
        out.print(f"{len(rows)} scored calls in {to}; no query is in it.", highlight=False, markup=False)
        return
    from leeroo.pool.file import read_pool

    experts = read_pool(pool).pool if pool is not None else ()
    prices = {expert.name: (expert.known_price.input, expert.known_price.output) for expert in experts}
    table = to_table(rows, to.name, prices)
    table.write(to)
    kept = sum(row["query"] is not None for row in rows)
    lost = len(rows) - kept
    left = f"; {counted(lost, 'scored call')} left out, since the query was not kept" if lost else ""
    seen = f"{counted(len(table), 'query', 'queries')}, {counted(len(table.experts), 'expert')}"
    shown = f"{counted(kept, 'scored call')}: {seen}, in {to}{left}."
    out.print(shown, highlight=False, markup=False)
