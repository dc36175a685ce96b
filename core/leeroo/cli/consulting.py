"""`leeroo consult-fit`: how experts' errors hang together, from tables with answers and from one's own calls."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from leeroo.cli.ledger import open_ledger_at
from leeroo.errors import ConfigError
from leeroo.outcomes.table import PARTS
from leeroo.visible import visible

if TYPE_CHECKING:
    from leeroo.consult.fit import Fit
    from leeroo.consult.observed import Observed

out = Console()


def consult_fit(
    to: Annotated[Path, typer.Option("--out", help="A .json file, or the folder of an artifact or of versions.")],
    tables: Annotated[list[Path] | None, typer.Argument(metavar="DIR...", help="Outcome tables with answers.")] = None,
    ledger: Annotated[
        str | None, typer.Option("--ledger", envvar="LEEROO_LEDGER", help="Ledger of calls that consulted.")
    ] = None,
    split: Annotated[str, typer.Option(help="Parts of the tables: train, validation, test, or all.")] = "validation",
    predictor: Annotated[Path | None, typer.Option(help="Artifact whose predictions are used; else --out's.")] = None,
    seed: Annotated[int, typer.Option(help="Of the draw where there are thousands of queries.")] = 0,
) -> None:
    """Fit the consult model (which experts agree, and when they err together) and keep it where routers find it.

    A ledger has of each call that consulted which answers were the same, never what they said; feedback says which
    were right. Of tables, parts count that the predictor was not trained on. An artifact keeps the model for all
    routers that load it; a folder of versions gets a new version, in use at once; a .json file is named by
    `consult: {model: ...}` of a pool file.

    Example: `leeroo consult-fit data/mine --ledger sqlite:///leeroo.db --out consult.json`
    """
    from leeroo.evaluation.learned_consult import learn, words

    parts = () if split == "all" else tuple(split.split(","))
    if unknown := set(parts) - set(PARTS):
        raise ConfigError(f"Unknown split {min(unknown)!r}; the parts are {', '.join(PARTS)}, or all.")
    if not tables and ledger is None:
        raise ConfigError("Give outcome tables with answers, or --ledger of calls that consulted.")
    place = predictor if predictor is not None or to.suffix == ".json" else to
    found = learn([*_of_tables(tables or [], place, parts), *_of_ledger(ledger)], seed=seed)
    sources = [*(table.name for table in tables or ()), *(["calls"] if ledger else [])]
    if to.suffix == ".json":
        found.model.write(to)
    else:
        _into(found, to, sources)
    out.print(f"Consult model {words(found)}; in {visible(str(to))}", highlight=False, markup=False)


def _of_tables(tables: "list[Path]", place: Path | None, parts: tuple[str, ...]) -> "list[Observed]":
    from leeroo.evaluation.learned_consult import observed_in
    from leeroo.outcomes.table import OutcomeTable
    from leeroo.prediction import load

    found = []
    for path in tables:
        own = observed_in(OutcomeTable.read(path), load(place), parts or None)
        if own is None:
            words = "no query with two answers"
            out.print(f"{visible(path.name)}: {words} in this part; left out.", highlight=False, markup=False)
        else:
            found.append(own)
    return found


def _of_ledger(url: str | None) -> "list[Observed]":
    from leeroo.consult.observed import from_records

    if url is None:
        return []
    calls = open_ledger_at(url).consultations()
    scores = {call["call_id"]: call["score"] for call in calls if call["score"] is not None}
    return [from_records(calls, scores)] if calls else []


def _into(found: "Fit", to: Path, sources: list[str]) -> None:
    """Keep a model in an artifact, or as a new version beside others, in use at once."""
    import shutil
    import tempfile

    from leeroo.evaluation.learned_consult import keep
    from leeroo.prediction.artifact import MANIFEST
    from leeroo.prediction.versions import Versions, resolve

    current = resolve(to)
    if (to / MANIFEST).exists():
        keep(found, to, sources)
        return
    with tempfile.TemporaryDirectory() as staged:
        copy = Path(staged) / "artifact"
        shutil.copytree(current, copy)
        keep(found, copy, sources)
        versions = Versions(to)
        versions.use(versions.add(copy, note="consult model fitted").id)
