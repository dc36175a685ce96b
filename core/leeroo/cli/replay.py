"""`leeroo replay`: play a policy on outcomes with answers before it is trusted with money."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from leeroo.errors import ConfigError, did_you_mean
from leeroo.visible import counted, visible

if TYPE_CHECKING:
    from leeroo.consult.model import ConsultModel
    from leeroo.evaluation.replaying import Game, Played

out = Console()
POLICIES = ("once", "consult", "two-step", "one-step", "cascade", "cascade-routing", "majority")
RULES = ("willingness_to_pay", "min_quality", "tolerance")


def replay(
    table: Annotated[Path, typer.Argument(metavar="DIR", help="Outcome table whose outcomes have an `answer` column.")],
    write: Annotated[Path | None, typer.Option("--out", help="Write who was asked and accepted: .parquet.")] = None,
    consult: Annotated[bool, typer.Option("--consult", help="Short for --policy consult.")] = False,
    policy: Annotated[str, typer.Option(help=f"One of {', '.join(POLICIES)}.")] = "once",
    rule: Annotated[
        str, typer.Option(help=f"What is swept: {', '.join(RULES)}; or one setting: min_quality=0.8.")
    ] = "willingness_to_pay",
    experts: Annotated[str | None, typer.Option(help="Who may be asked, comma-separated; all when absent.")] = None,
    split: Annotated[str, typer.Option(help="train, validation, test, several with commas, or all.")] = "all",
    points: Annotated[int, typer.Option(min=2, max=1000, help="Settings of the sweep.")] = 40,
    model: Annotated[Path | None, typer.Option(help="Consult model (JSON) in place of the one that ships.")] = None,
    predictor: Annotated[Path | None, typer.Option(help="Artifact in place of the one that ships.")] = None,
    fit: Annotated[Path | None, typer.Option(help="Fit the consult model on the queries, and write it: JSON.")] = None,
    compare: Annotated[bool, typer.Option("--compare", help="Play every policy, and compare what they reach.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw the comparison: .png or .svg.")] = None,
) -> None:
    """Play a policy on the answers of a table: experts are asked one by one, and nobody looks at scores.

    A table has one answer of each expert to a query. Further draws of an expert stand in it as experts of their own,
    named `small#2`, `small#3`: consult then knows that they are `small`'s.

    `--compare` and `--fit` look at scores: the one when all is played, the other to fit. Both are honest only on
    queries that the predictor was not trained on. `--compare` with `--split validation,test` plays each part with the
    model that was fitted on the other.

    Example: `leeroo replay data/mmlu-pro --consult --experts flash,mathstral,pro-002 --out plays.parquet`
    """
    from leeroo.consult.model import ConsultModel, shipped
    from leeroo.evaluation.replaying import read_game, write_plays
    from leeroo.prediction import load

    name = "consult" if consult else policy
    if name not in POLICIES:
        raise ConfigError(f"Unknown policy {name!r}.{did_you_mean(name, POLICIES)}")
    swept, value = _rule(rule)
    named = [one.strip() for one in experts.split(",") if one.strip()] if experts else None
    with Console(stderr=True).status("Predicting ..."):
        game = read_game(table, load(predictor), experts=named, split=split)
    if fit is not None:
        _fit(game, table, fit)
        return
    known = ConsultModel.read(model) if model else None
    if compare or plot:
        _compare(game, table, predictor, known, named, plot, crossed=set(split.split(",")) == {"validation", "test"})
        return
    plays = _play(name, game, swept, value, points, known or shipped())
    _say(name, plays, game)
    if write:
        out.print(f"{counted(write_plays(plays, game, write), 'row')} in {write}", highlight=False)


def _say(name: str, plays: "Sequence[Played]", game: "Game") -> None:
    asks = [sum(map(len, play.asked)) / len(game) for play in plays]
    waits = [float(play.rounds.mean()) for play in plays]
    out.print(
        f"{name}: {counted(len(plays), 'setting')} of {counted(len(game), 'query', 'queries')}, "
        f"{counted(len(game.experts), 'expert')}; {min(asks):.2f} to "
        f"{max(asks):.2f} asks a query in {min(waits):.2f} to {max(waits):.2f} rounds.",
        highlight=False,
    )


def _rule(given: str) -> tuple[str, float | None]:
    from leeroo.budget import Budget

    name, _, text = given.partition("=")
    if name not in RULES:
        raise ConfigError(f"Unknown rule {name!r}.{did_you_mean(name, RULES)}")
    if not text:
        return name, None
    try:
        value = float(text)
    except ValueError:
        raise ConfigError(f"--rule {given}: {text!r} is no number.") from None
    Budget.of({name: value})
    return name, value


def _play(
    name: str, game: "Game", rule: str, value: float | None, points: int, model: "ConsultModel"
) -> "Sequence[Played]":
    from leeroo.evaluation import policies

    if name == "majority":
        return policies.majority(game)
    if name == "cascade":
        order = game.costs.mean(axis=0).argsort().tolist()
        thresholds = [k / points for k in range(1, points + 1)] if value is None else [value]
        return policies.cascade(game, model, order, thresholds)
    settings = policies.sweep(game, rule, model, points=points, value=value)
    if name == "once":
        return policies.choose_once(game, settings)
    if name == "cascade-routing":
        return policies.cascade_routing(game, settings, model)
    depth = {"two-step": 2, "one-step": 1}.get(name)
    return policies.consult(game, settings, model, depth=depth)


def _fit(game: "Game", table: Path, target: Path) -> None:
    from leeroo.evaluation.learned_consult import words
    from leeroo.evaluation.replay import fit_on
    from leeroo.outcomes.table import OutcomeTable

    found = fit_on(game, OutcomeTable.read(table))
    found.model.write(target)
    out.print(f"Consult model {words(found)}; in {visible(str(target))}", highlight=False, markup=False)


def _compare(
    game: "Game",
    table: Path,
    predictor: Path | None,
    model: "ConsultModel | None",
    experts: list[str] | None,
    picture: Path | None,
    *,
    crossed: bool,
) -> None:
    import numpy as np

    from leeroo.evaluation import replay as replays
    from leeroo.evaluation.crossplay import compare_crossed
    from leeroo.evaluation.replaying import read_game
    from leeroo.outcomes.table import OutcomeTable
    from leeroo.prediction import load

    outcomes = OutcomeTable.read(table)
    try:
        develop = read_game(table, load(predictor), experts=experts, split="validation")
    except ConfigError:
        develop = None  # a table without a validation part: the model that ships, and cascades by price
    if crossed and model is None and develop is not None:
        told = set(develop.query_ids)
        rest = game.take(np.array([row for row, query_id in enumerate(game.query_ids) if query_id not in told]))
        found = compare_crossed(rest, develop, outcomes)
    else:
        kept = develop is None or not set(develop.query_ids) & set(game.query_ids)
        found = replays.compare(game, develop if kept else None, outcomes, model)
    print(replays.markdown(found))  # noqa: T201 - Markdown, to be kept as it is
    if picture:
        out.print(f"Plot in {replays.plot(found, picture)}")
