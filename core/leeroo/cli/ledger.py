"""`leeroo scopes` and `leeroo spend`: limits on scopes, who has spent what, and reservations of dead processes."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from leeroo.cli.printing import cell
from leeroo.errors import ConfigError
from leeroo.ledger.limits import SECOND, Limit
from leeroo.money import to_usd
from leeroo.visible import visible

if TYPE_CHECKING:
    from leeroo.ledger.sql import SqlLedger

out = Console()
scopes_app = typer.Typer(help="Limits on scopes, and money set aside.", no_args_is_help=True)

Url = Annotated[
    str, typer.Option("--ledger", envvar="LEEROO_LEDGER", help="URL of the ledger, such as sqlite:///leeroo.db.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Scope = Annotated[str, typer.Argument(help="acme/team-a/user-7; '*' is all calls.")]


@scopes_app.command("set")
def set_(
    scope: Scope,
    ledger: Url,
    per: Annotated[str, typer.Option(help="minute, hour, day, month or total.")] = "day",
    usd: Annotated[float | None, typer.Option(help="USD that may be spent.")] = None,
    tokens: Annotated[int | None, typer.Option(help="Tokens that may be used.")] = None,
    calls: Annotated[int | None, typer.Option(help="Calls that may be made.")] = None,
    soft: Annotated[bool, typer.Option("--soft", help="Warn and record, do not refuse.")] = False,
    zone: Annotated[str, typer.Option(help="Time zone in which days and months begin.")] = "UTC",
    pace: Annotated[bool, typer.Option("--pace", help="Spread it over its window.")] = False,
    remove: Annotated[str | None, typer.Option(help="Take the limit of this unit away: usd, tokens or calls.")] = None,
) -> None:
    """Set a limit, in place of the one of the same window, unit and hardness; or take one away.

    Example: `leeroo scopes set acme/team-a --usd 5 --per day --zone Europe/Berlin`
    """
    given = {"usd": usd, "tokens": tokens, "calls": calls}
    new = [
        Limit.of(scope, per, unit, amount, hard=not soft, zone=zone, pace=pace)
        for unit, amount in given.items()
        if amount is not None
    ]
    if not new and remove is None:
        raise ConfigError("Give a limit: --usd, --tokens or --calls; or --remove usd.")
    opened = open_ledger_at(ledger, new=bool(new))
    if remove is not None:
        opened.remove_limit(scope, per, remove, hard=not soft)
        out.print(
            f"{visible(scope)}: no limit of {visible(remove)} per {visible(per)} any more.",
            highlight=False,
            markup=False,
        )
    for limit in new:
        opened.set_limit(limit)
        kind = "hard" if limit.hard else "soft"
        shown = f"{limit.scope}: {limit.shown(limit.amount)} per {per} ({zone}), {kind}"
        out.print(shown, highlight=False, markup=False)


@scopes_app.command("list")
def list_(ledger: Url, as_json: AsJson = False) -> None:
    """List all limits, with what is used of them now.

    Example: `leeroo scopes list --ledger sqlite:///leeroo.db`
    """
    _print_limits(open_ledger_at(ledger).limits(), as_json)


@scopes_app.command()
def show(scope: Scope, ledger: Url, as_json: AsJson = False) -> None:
    """Show the limits that hold for a scope, its own and those above, and its open reservations.

    Example: `leeroo scopes show acme/team-a`
    """
    opened = open_ledger_at(ledger)
    held = opened.open_reservations(scope)
    _print_limits(opened.limits(scope), as_json, held)
    if held and not as_json:
        table = Table(
            "id", "call", "scope", "expert", "made (UTC)", "lease ends (UTC)", "USD", title="Open reservations"
        )
        for row in held:
            table.add_row(
                str(row["id"]), cell(row["call_id"]), cell(row["scope"]), cell(row["expert"]), _when(row["at"]),
                _when(row["lease"]), f"{to_usd(row['nano']):.9f}",
            )  # fmt: skip
        out.print(table)


@scopes_app.command()
def release(
    ledger: Url,
    reservations: Annotated[list[int] | None, typer.Argument(help="Ids of reservations, from `scopes show`.")] = None,
    abandoned: Annotated[str | None, typer.Option(help="All under this scope whose lease is over.")] = None,
) -> None:
    """Free what dead processes had set aside, at no cost. If the true cost becomes known later, it still counts.

    Example: `leeroo scopes release --abandoned acme`
    """
    if not reservations and abandoned is None:
        raise ConfigError("Give ids of reservations, or --abandoned SCOPE.")
    opened = open_ledger_at(ledger)
    ids = list(reservations or ())
    if abandoned is not None:
        ids += [row["id"] for row in opened.open_reservations(abandoned, abandoned=True)]
    freed = [key for key in ids if opened.release(key)]
    out.print(f"{len(freed)} of {len(ids)} released.", highlight=False)


def spend(
    ledger: Url,
    by: Annotated[str, typer.Option(help="day, scope, expert or model.")] = "day",
    scope: Annotated[str | None, typer.Option(help="This scope and those beneath it only.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what was spent, and what was saved against the reference. Days are those of UTC.

    Example: `leeroo spend --by expert --scope acme`
    """
    opened = open_ledger_at(ledger)
    rows = opened.spend(by, scope)
    held = opened.open_reservations(scope, abandoned=True)
    unsettled = sum(row["nano"] for row in held)
    for row in rows:
        row |= {"cost": to_usd(row["cost"]), "saved": to_usd(row["saved"])}
    if as_json:
        print(json.dumps({"rows": rows, "abandoned": to_usd(unsettled)}, indent=2))  # noqa: T201 - machine-readable
        return
    table = Table(by, "calls", "attempts", "tokens", "USD", "saved USD", title="Spend")
    for row in rows:
        table.add_row(
            cell(row[by]) or "(none)", str(row["calls"]), str(row["attempts"]), str(row["tokens"]),
            f"{row['cost']:.6f}", f"{row['saved']:.6f}",
        )  # fmt: skip
    out.print(table)
    if held:
        left = f"{len(held)} abandoned reservations count at their worst case: {to_usd(unsettled):.6f} USD."
        out.print(f"{left} See `leeroo scopes show`, `leeroo scopes release`.", highlight=False)


def open_ledger_at(url: str, *, new: bool = False) -> "SqlLedger":
    """The ledger of a command's --ledger, which is there unless it may be `new`; SQLAlchemy is imported only here."""
    from leeroo.ledger.opening import open_ledger

    return open_ledger(url, new=new)


def _when(moment: int) -> str:
    return datetime.fromtimestamp(moment // SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _print_limits(rows: list[dict[str, Any]], as_json: bool, held: list[dict[str, Any]] | None = None) -> None:
    if as_json:
        found: dict[str, Any] = {"limits": [{**row, "limit": asdict(row["limit"])} for row in rows]}
        if held is not None:
            found["reservations"] = held
        print(json.dumps(found, indent=2))  # noqa: T201 - machine-readable
        return
    table = Table("scope", "per", "limit", "kind", "spent", "reserved", "left", "resets", title="Limits")
    for row in rows:
        limit: Limit = row["limit"]
        kind = ("hard" if limit.hard else "soft") + (", paced" if limit.pace else "")
        amounts = [limit.shown(row[name]) for name in ("used", "reserved", "left")]
        table.add_row(
            cell(limit.scope), limit.per, limit.shown(limit.amount), kind, *amounts, row["resets"].replace("T", " ")
        )
    out.print(table)
