"""`leeroo artifacts`: versions of the predictor: which there are, what changed, which is in use, and the way back."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from leeroo.errors import ConfigError

out = Console()
artifacts_app = typer.Typer(help="Versions of the predictor.", no_args_is_help=True)

Store = Annotated[Path, typer.Option("--store", envvar="LEEROO_ARTIFACTS", help="Folder of the versions.")]
Name = Annotated[str, typer.Argument(help="Id or its beginning; current; previous.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
FOLDER = Path("artifacts")


@artifacts_app.command()
def add(
    artifact: Annotated[Path, typer.Argument(help="The artifact's folder.")],
    store: Store = FOLDER,
    held_out: Annotated[Path | None, typer.Option(help="Outcome table that it did not learn from.")] = None,
    slack: Annotated[float, typer.Option(min=0, help="Cross entropy by which it may be worse.")] = 0.0,
    note: Annotated[str, typer.Option(help="A few words.")] = "",
) -> None:
    """Keep an artifact as a version. With --held-out it is put to use if it predicts that table no worse.

    Example: `leeroo artifacts add runs/mine --held-out data/check`
    """
    from leeroo.prediction.versions import Versions

    versions = Versions(store)
    if held_out is None:
        version = versions.add(artifact, note=note)
        _say(f"{version.id} is kept in {store}. To use it: leeroo artifacts use {version.id}")
        return
    from leeroo.evaluation.promotion import promote
    from leeroo.outcomes.table import OutcomeTable

    _say(promote(versions, artifact, OutcomeTable.read(held_out), slack=slack, note=note).reason)


@artifacts_app.command("list")
def list_(store: Store = FOLDER, as_json: AsJson = False) -> None:
    """List all versions, oldest first.

    Example: `leeroo artifacts list --store runs/artifacts`
    """
    from leeroo.prediction.versions import Versions

    versions = Versions(store)
    current = versions.current()
    found = versions.all()
    if as_json:
        _print_json([{**version.to_dict(), "in_use": version == current} for version in found])
        return
    if not found:
        raise ConfigError(f"{store}: no versions there; keep one: leeroo artifacts add FOLDER.")
    table = Table(title=str(store))
    for column in ("in use", "id", "made (UTC)", "parent", "experts", "held-out loss", "AUC", "note"):
        table.add_column(column, no_wrap=column in ("id", "parent"))
    for version in found:
        figures = [_number(version.figures.get(name)) for name in ("log_loss", "auc")]
        row = version.to_dict()
        used = "yes" if version == current else ""
        table.add_row(
            used, version.id, version.made[:19], version.parent or "-", str(row["experts"]), *figures, version.note
        )
    out.print(table)


@artifacts_app.command()
def show(name: Name = "current", store: Store = FOLDER, as_json: AsJson = False) -> None:
    """Show a version: where it comes from, what it was trained on, its figures; its files are checked.

    Example: `leeroo artifacts show 6ace28`
    """
    from leeroo.prediction.artifact import read_artifact
    from leeroo.prediction.versions import Versions

    version = Versions(store).get(name)
    read_artifact(version.folder)
    row = version.to_dict()
    if as_json:
        _print_json(row)
        return
    figures = row.pop("figures")
    for key, value in row.items():
        _say(f"{key}: {', '.join(value) if isinstance(value, list) else '-' if value in (None, '') else value}")
    experts = figures.pop("experts", {})
    for key, value in figures.items():
        _say(f"held-out {'table' if key == 'held_out' else key}: {value}")
    if experts:
        columns = list(next(iter(experts.values())))
        table = Table("expert", *columns, title="On held-out outcomes")
        for expert, values in experts.items():
            table.add_row(expert, *(_number(values.get(column)) for column in columns))
        out.print(table)


@artifacts_app.command()
def diff(
    before: Name,
    after: Annotated[str, typer.Argument(help="The same; the version in use when absent.")] = "current",
    store: Store = FOLDER,
    as_json: AsJson = False,
) -> None:
    """Show which experts, settings and figures changed from one version to another.

    Example: `leeroo artifacts diff previous current`
    """
    from leeroo.prediction.difference import difference
    from leeroo.prediction.versions import Versions

    versions = Versions(store)
    found = difference(versions.get(before), versions.get(after))
    if as_json:
        _print_json(found.to_dict())
        return
    _say(f"{found.before} -> {found.after}" + (": encoder or latent space are new" if found.retrained else ""))
    if not (found.experts or found.settings or found.figures):
        _say("No difference.")
    if found.experts:
        table = Table("expert", "change", "outcomes", "mean predicted score", "ability moved", title="Experts")
        for row in found.experts:
            table.add_row(row.expert, row.change, _pair(row.outcomes), _pair(row.level), _number(row.moved))
        out.print(table)
    for title, rows in (("Settings", found.settings), ("Figures", found.figures)):
        if rows:
            same = title == "Settings" or found.comparable
            table = Table("name", "before", "after", title=title if same else f"{title} (of different held-out parts)")
            for key, (one, other) in rows.items():
                table.add_row(key, _number(one), _number(other))
            out.print(table)


@artifacts_app.command()
def use(
    name: Annotated[str | None, typer.Argument(help="Id or its beginning.")] = None,
    store: Store = FOLDER,
    back: Annotated[bool, typer.Option("--back", help="The one that was in use before.")] = False,
) -> None:
    """Put a version to use, in one step; processes that start from now on load it.

    Example: `leeroo artifacts use 6ace28`, and back: `leeroo artifacts use --back`
    """
    from leeroo.prediction.versions import Versions

    if (name is None) != back:
        raise ConfigError("Give the id of a version, or --back.")
    versions = Versions(store)
    version = versions.back() if name is None else versions.use(name)
    _say(f"{version.id} is in use.")


def _say(text: str) -> None:
    out.print(text, highlight=False, markup=False, soft_wrap=True)


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)


def _pair(values: tuple[Any, Any]) -> str:
    return _number(values[1]) if values[0] == values[1] else f"{_number(values[0])} -> {_number(values[1])}"


def _print_json(data: Any) -> None:
    print(json.dumps(data, indent=2))  # noqa: T201 - machine-readable
