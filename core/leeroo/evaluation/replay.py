"""Replays of a table compared: what each policy reached and cost, once its plays are over and scores may be seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from pathlib import Path

import numpy as np
import numpy.typing as npt

from leeroo.consult.fit import Fit, fit
from leeroo.consult.model import ConsultModel
from leeroo.consult.observed import Observed, observe
from leeroo.consult.places import ABSTAINED
from leeroo.errors import ConfigError
from leeroo.evaluation import policies
from leeroo.evaluation.costs import check_costs
from leeroo.evaluation.metrics import Curve, accuracy_at, cost_at, hull
from leeroo.evaluation.replaying import Game, Played
from leeroo.outcomes.table import OutcomeTable
from leeroo.visible import counted

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
SHARES = (0.25, 0.35, 0.5, 0.75, 1.0)
"""Of the reference's cost, at which accuracies are compared."""
LEVELS = (0.99, 1.0, 1.02)
"""Of the reference's accuracy, whose costs are compared."""
DRAWS = 400
POINTS = 80
"""Settings of each policy's sweep. Accuracies are read at settings, not between them, and cascades have hundreds."""
THRESHOLDS = np.linspace(0.3, 0.97, 24)


@dataclass(frozen=True)
class Scored:
    """What came of a policy's plays.

    Attributes:
        score: Of the accepted answers, shape (settings, queries).
        cost: USD of all asked experts, same shape.
        asks: Mean number of experts asked, shape (settings,).
        rounds: Mean number of times a query waited, shape (settings,).
    """

    score: Floats
    cost: Floats
    asks: Floats
    rounds: Floats

    def curve(self, weights: Floats | None = None) -> Curve:
        """Accuracy against cost, cheapest first; queries may be weighted, for samples of them."""
        share = np.full(self.score.shape[1], 1 / self.score.shape[1]) if weights is None else weights
        cost, accuracy = self.cost @ share, self.score @ share
        order = np.lexsort((accuracy, cost))
        return Curve(cost[order], accuracy[order])


@dataclass(frozen=True)
class Comparison:
    """Policies on the same queries.

    Attributes:
        scored: By policy.
        reference: Name of the expert that is to be matched.
        reference_score: Its scores, shape (queries,).
        reference_cost: Its costs, USD, shape (queries,).
        fitted: The model that consult used.
    """

    scored: dict[str, Scored]
    reference: str
    reference_score: Floats
    reference_cost: Floats
    fitted: ConsultModel


def scores_of(game: Game, table: OutcomeTable) -> tuple[Floats, Floats]:
    """Scores and costs (USD) of a game's queries and experts, each (queries, experts)."""
    part = _part(game, table)
    return part.scores.astype(np.float64), part.costs.astype(np.float64)


def _part(game: Game, table: OutcomeTable) -> OutcomeTable:
    row_of = {query_id: row for row, query_id in enumerate(table.query_ids)}
    return table.take(np.array([row_of[query_id] for query_id in game.query_ids]), game.experts)


def score(plays: Sequence[Played], scores: Floats, costs: Floats) -> Scored:
    """What plays came to."""
    rows = np.arange(len(scores))
    cost = np.array([[costs[row, list(asked)].sum() for row, asked in enumerate(play.asked)] for play in plays])
    return Scored(
        score=np.array([scores[rows, play.accepted] for play in plays]),
        cost=cost,
        asks=np.array([np.mean([len(asked) for asked in play.asked]) for play in plays]),
        rounds=np.array([play.rounds.mean() for play in plays]),
    )


def observed_of(game: Game, table: OutcomeTable) -> tuple[Observed, Indices]:
    """A game's outcomes for the fit, and the rows that they are of; contradictory grades are left out."""
    scores, _ = scores_of(game, table)
    answers = [[None if place <= ABSTAINED else str(place) for place in row] for row in game.clusters]
    return observe(game.names, game.quality, answers, scores, [int(m) or None for m in game.alternatives])


def fit_on(game: Game, table: OutcomeTable) -> Fit:
    """Fit the consult model on a game's queries, which the predictor must not have been trained on."""
    return fit(observed_of(game, table)[0])


def compare(game: Game, develop: Game | None, table: OutcomeTable, model: ConsultModel | None = None) -> Comparison:
    """Play every policy on the queries that all experts answered and whose grades agree.

    Args:
        game: The queries to compare on.
        develop: Other queries, to fit the model and to choose the cascades on; without them cascades go by price.
        table: Where scores are, looked at once all is played.
        model: In place of the fitted one.

    Raises:
        ConfigError: No query is left, or tokens or prices of some outcomes are missing.
    """
    game, told = _complete(game, table), None if develop is None else _complete(develop, table)
    if model is None:
        model = ConsultModel() if told is None else fit_on(told, table).model
    scores, costs = scores_of(game, table)
    settings = policies.sweep(game, "willingness_to_pay", model, points=POINTS)
    plays = {
        "consult": policies.consult(game, settings, model),
        "consult, one at a time": policies.consult(game, settings, model, haste=0.0),
        "2-step look-ahead": policies.consult(game, settings, model, depth=2, haste=0.0),
        "1-step look-ahead": policies.consult(game, settings, model, depth=1, haste=0.0),
        "choose once": policies.choose_once(game, settings),
        "cascade routing": policies.cascade_routing(game, settings, model),
        "fixed cascades": _cascades(game, told, table, model),
        "majority": policies.majority(game),
    }
    ref = int(scores.mean(axis=0).argmax())
    return Comparison(
        scored={name: score(played, scores, costs) for name, played in plays.items()},
        reference=game.experts[ref],
        reference_score=scores[:, ref],
        reference_cost=costs[:, ref],
        fitted=model,
    )


def figures(found: Scored, ref_score: Floats, ref_cost: Floats, weights: Floats | None = None) -> Floats:
    """Accuracies at `SHARES` of the reference's cost, then costs at `LEVELS` of its accuracy, as shares of its cost."""
    share = np.full(len(ref_score), 1 / len(ref_score)) if weights is None else weights
    curve, cost, accuracy = found.curve(share), float(ref_cost @ share), float(ref_score @ share)
    return np.array(
        [accuracy_at(curve, part * cost) for part in SHARES]
        + [cost_at(curve, level * accuracy) / cost for level in LEVELS]
    )


def paired(comparison: Comparison, one: str, other: str, *, seed: int = 0) -> Floats:
    """95% intervals of the differences in accuracy at `SHARES`, over samples of the queries; shape (shares, 2)."""
    rng, queries = np.random.default_rng(seed), len(comparison.reference_score)
    drawn = []
    for _ in range(DRAWS):
        weights = np.bincount(rng.integers(0, queries, queries), minlength=queries) / queries
        both = [
            figures(comparison.scored[name], comparison.reference_score, comparison.reference_cost, weights)
            for name in (one, other)
        ]
        drawn.append((both[0] - both[1])[: len(SHARES)])
    return np.nanquantile(np.array(drawn), [0.025, 0.975], axis=0).T


def markdown(comparison: Comparison) -> str:
    """The comparison as tables: accuracies and costs by policy, and consult's gains with intervals."""
    heads = [f"{share:.0%}" for share in SHARES] + [f"cost at {level:.0%}" for level in LEVELS]
    lines = [f"| policy | {' | '.join(heads)} | most asks | most rounds |", "|---" * (len(heads) + 3) + "|"]
    for name, found in comparison.scored.items():
        values = figures(found, comparison.reference_score, comparison.reference_cost)
        shown = ["-" if np.isnan(v) else f"{v:.3f}" if i < len(SHARES) else f"{v:.2f}" for i, v in enumerate(values)]
        lines.append(f"| {name} | {' | '.join(shown)} | {found.asks.max():.2f} | {found.rounds.max():.2f} |")
    mean = comparison.reference_score.mean()
    queries = len(comparison.reference_score)
    head = (
        f"{counted(queries, 'query', 'queries')}; reference {comparison.reference}: accuracy {mean:.4f} at cost 1.00.\n"
    )
    gains = []
    for other in ("choose once", "cascade routing", "fixed cascades"):
        ends = paired(comparison, "consult", other)
        shown = [f"{share:.0%}: {low:+.3f} to {high:+.3f}" for share, (low, high) in zip(SHARES, ends, strict=True)]
        gains.append(f"- consult over {other}: {', '.join(shown)}")
    return head + "\n" + "\n".join(lines) + "\n\n95% intervals of paired differences:\n" + "\n".join(gains) + "\n"


def plot(comparison: Comparison, path: Path) -> Path:
    """The policies' frontiers in one picture.

    Raises:
        ConfigError: The suffix is neither .png nor .svg.
        MissingDependency: matplotlib is not installed.
    """
    from leeroo.evaluation.plots import COLOURS, GREY, OURS, canvas, save

    figure, axes = canvas(8, 5)
    cost = float(comparison.reference_cost.mean())
    names = [name for name in comparison.scored if name not in ("consult, one at a time", "1-step look-ahead")]
    for name, colour in zip(names, (OURS, *COLOURS), strict=False):
        edge = hull(comparison.scored[name].curve())
        width = 2.6 if name == "consult" else 1.3
        axes.plot(edge.cost / cost, edge.accuracy, color=colour, label=name, linewidth=width)
    axes.plot(1.0, comparison.reference_score.mean(), "o", color="black", label=comparison.reference)
    axes.axhline(comparison.reference_score.mean(), color=GREY, linestyle=":", linewidth=1)
    axes.set(xlabel="mean cost, of the reference's", ylabel="accuracy", xlim=(0, 1.7))
    axes.legend(fontsize=8, frameon=False)
    return save(figure, path)


def _complete(game: Game, table: OutcomeTable) -> Game:
    """The queries that every expert answered, and whose grades do not contradict each other."""
    _, rows = observed_of(game, table)
    scores, _ = scores_of(game, table)
    kept = rows[~np.isnan(scores[rows]).any(axis=1)]
    if not len(kept):
        raise ConfigError(f"{table.name}: no query was answered by every expert; choose fewer of them (--experts).")
    found = game.take(kept)
    check_costs(_part(found, table), "--experts")
    return found


def _cascades(game: Game, told: Game | None, table: OutcomeTable, model: ConsultModel) -> list[Played]:
    """The sequences and thresholds that are on the frontier of the development queries, in one sweep."""
    experts = range(len(game.experts))
    if told is None:
        order = np.argsort(game.costs.mean(axis=0)).tolist()
        return policies.cascade(game, model, order, THRESHOLDS.tolist())
    scores, costs = scores_of(told, table)
    plays: list[tuple[tuple[int, ...], float]] = []
    points: list[tuple[float, float]] = []
    for order in (o for size in (1, 2, 3) for some in combinations(experts, size) for o in permutations(some)):
        found = score(policies.cascade(told, model, order, THRESHOLDS.tolist()), scores, costs)
        plays += [(order, float(threshold)) for threshold in THRESHOLDS]
        points += list(zip(found.cost.mean(axis=1).tolist(), found.score.mean(axis=1).tolist(), strict=True))
    best: list[Played] = []
    most = -1.0
    for place in sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1])):
        if points[place][1] > most:
            most = points[place][1]
            order, threshold = plays[place]
            best += policies.cascade(game, model, order, [threshold])
    return best
