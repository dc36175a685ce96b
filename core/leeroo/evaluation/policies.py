"""Policies that replay plays: consult, choosing once, cascades, majority, and cascade routing, each over settings.

A setting is a willingness to pay: one over the quality that a dollar is worth. The cascades and cascade routing
(J. Dekoninck, M. Baader, M. Vechev, "A Unified Approach to Routing and Cascading for LLMs", 2024) are given the same
posterior as consult; what differs is what they may do.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leeroo.consult.lattice import depth_for
from leeroo.consult.model import ConsultModel
from leeroo.consult.places import UNASKED
from leeroo.consult.policy import HASTE, STOP, plan, rate_reaching, rate_within
from leeroo.consult.posterior import Outlook, outlook
from leeroo.evaluation.replaying import MISSING, Game, Played

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
CHUNK = 64
"""Queries that are looked ahead for at once: what bounds the memory."""


@dataclass(frozen=True)
class Settings:
    """The settings of a sweep.

    Attributes:
        names: In words.
        rates: Quality that a USD is worth, shape (queries, settings); unused where `least` decides.
        least: Probability of being right that is demanded, shape (settings,); None where none is.
    """

    names: tuple[str, ...]
    rates: Floats
    least: Floats | None = None

    def __len__(self) -> int:
        return len(self.names)


def sweep(game: Game, rule: str, model: ConsultModel, *, points: int = 40, value: float | None = None) -> Settings:
    """The settings of a rule: of one value, or of a range that goes from the cheapest to the best.

    Args:
        game: The game.
        rule: "willingness_to_pay", "min_quality" or "tolerance".
        model: What consult believes, for a tolerance.
        points: How many settings.
        value: The one value of the rule.
    """
    if rule == "willingness_to_pay":
        scale = float(game.costs.max(axis=1).mean())
        worths = np.geomspace(1e-1, 1e4, points) * scale if value is None else np.array([max(value, 1e-15)])
        rates = np.repeat(1 / worths[None, :], len(game), axis=0)
        return Settings(tuple(f"{rule}={w:.6g}" for w in worths), rates)
    if rule == "min_quality":
        least = np.linspace(0.02, 0.98, points) if value is None else np.array([value])
        rates = np.repeat(1e-9 / game.costs.max(axis=1, keepdims=True), len(least), axis=1)
        return Settings(tuple(f"{rule}={m:.4g}" for m in least), rates, least)
    given = np.concatenate([[0.0], np.geomspace(1e-3, 0.5, points - 1)]) if value is None else np.array([value])
    rates = np.zeros((len(game), len(given)))
    # Of everybody: where the best alone is worth asking, no rate is too large, and at that the cheapest is chosen once.
    everybody, start = game.promising(), (UNASKED,) * len(game.experts)
    for rows, ahead, costs in _from(game, model, np.arange(len(game)), start, None, everybody):
        for j, tolerance in enumerate(given):
            rates[rows, j] = rate_within(ahead, costs, float(tolerance))
    return Settings(tuple(f"{rule}={t:.4g}" for t in given), rates)


def consult(
    game: Game, settings: Settings, model: ConsultModel, *, depth: int | None = None, haste: float = HASTE
) -> list[Played]:
    """Ask whom the look-ahead says, until it says stop.

    Args:
        game: The game.
        settings: The sweep.
        model: How answers come about.
        depth: How many asks to look ahead; as far as can be when absent.
        haste: See `leeroo.consult.policy.plan`.
    """

    def decide(ahead: Outlook, costs: Floats, rates: Floats, must: bool) -> tuple[Indices, Indices]:
        if settings.least is not None:
            rates = rate_reaching(ahead, costs, settings.least, must=must)
        found = plan(ahead, costs, rates, must=must, haste=haste)
        return found.action, found.beside

    return _play(game, settings, model, decide, depth)


def cascade_routing(game: Game, settings: Settings, model: ConsultModel) -> list[Played]:
    """Choose the set of experts that is worth most if all of it were asked, ask its cheapest, and choose again."""
    return _play(game, settings, model, _best_set, None)


def choose_once(game: Game, settings: Settings) -> list[Played]:
    """Ask the expert of the largest predicted quality less its price, and take its answer."""
    possible = game.clusters != MISSING
    played = []
    for j, name in enumerate(settings.names):
        quality = game.quality if settings.least is None else np.minimum(game.quality, settings.least[j])
        worth = np.where(possible, quality - settings.rates[:, j, None] * game.costs, -np.inf)
        chosen = worth.argmax(axis=1)
        played.append(Played(name, tuple((int(e),) for e in chosen), chosen, np.ones(len(game), dtype=np.int64)))
    return played


def majority(game: Game) -> list[Played]:
    """Ask the k cheapest at once, for every k, and take the answer that most of them give."""
    order = np.argsort(game.costs.mean(axis=0))
    return [_vote(game, order[:k], f"majority of {k}") for k in range(1, len(order) + 1)]


def cascade(
    game: Game, model: ConsultModel, order: Sequence[int], thresholds: Sequence[float], *, name: str = "cascade"
) -> list[Played]:
    """Ask in a fixed order until the posterior of the best answer reaches a threshold.

    Args:
        game: The game.
        model: The posterior's.
        order: Columns, first to last.
        thresholds: The sweep.
        name: Of the settings.
    """
    states = np.full(game.clusters.shape, UNASKED)
    levels: list[tuple[Floats, Indices]] = []  # posterior of the best cluster and who speaks for it, ask by ask
    for column in order:
        states[:, column] = game.clusters[:, column]
        best, accepted = np.zeros(len(game)), np.full(len(game), column)
        for state, rows in _groups(states):
            renamed, _ = _renamed(state)
            for at, ahead, _ in _from(game, model, rows, renamed, 0):
                best[at] = ahead.best[:, 0] / ahead.reached[:, 0]
            if any(place != UNASKED for place in state):
                accepted[rows] = _speakers(game, model, rows, state)
        levels.append((best, accepted))
    present = game.clusters != MISSING
    played = []
    for threshold in thresholds:
        stop = np.stack([best >= threshold for best, _ in levels])
        stop[-1] = True
        last = stop.argmax(axis=0)
        accepted = np.stack([who for _, who in levels])[last, np.arange(len(game))]
        asked = tuple(tuple(int(e) for e in order[: k + 1] if present[row, e]) for row, k in enumerate(last))
        shown = " > ".join(game.experts[e] for e in order)
        played.append(Played(f"{name} {shown} at {threshold:.3g}", asked, accepted, last + 1))
    return played


Decide = Callable[[Outlook, Floats, Floats, bool], tuple[Indices, Indices]]


def _play(game: Game, settings: Settings, model: ConsultModel, decide: Decide, depth: int | None) -> list[Played]:
    """Play all queries at all settings; those that have come to the same state are decided together."""
    queries, experts, many = len(game), len(game.experts), len(settings)
    states = np.full((queries, many, experts), UNASKED)
    asked: list[list[list[int]]] = [[[] for _ in range(many)] for _ in range(queries)]
    accepted = np.full((queries, many), STOP)
    rounds = np.zeros((queries, many), dtype=np.int64)
    running = np.ones((queries, many), dtype=np.bool_)
    kept, draws = game.promising(model), np.array(game.draws)
    once = draws[np.stack([play.accepted for play in choose_once(game, settings)], axis=1)]  # always an option
    more = np.where(np.take_along_axis(kept, once, axis=1), STOP, once)
    while running.any():
        cells = np.argwhere(running)
        for (extra, *state), places in _groups(np.concatenate([more[running][:, None], states[running]], axis=1)):
            renamed, _ = _renamed(tuple(state))
            here = cells[places]
            rows = np.unique(here[:, 0])
            wanted = np.zeros((queries, many), dtype=np.bool_)
            wanted[here[:, 0], here[:, 1]] = True
            must = all(place == UNASKED for place in state)
            for at, ahead, costs in _from(game, model, rows, renamed, depth, kept | (draws == extra)):
                first, second = decide(ahead, costs, settings.rates[at], must)
                for i, row in enumerate(at):
                    for j in np.flatnonzero(wanted[row]):
                        told = [int(e) for e in (first[i, j], second[i, j]) if e != STOP]
                        if not told:
                            accepted[row, j] = _speaker(game.quality[row], renamed, ahead, i)
                            running[row, j] = False
                        asked[row][j] += told
                        rounds[row, j] += bool(told)
                        states[row, j, told] = game.clusters[row, told]
    return [
        Played(name, tuple(tuple(asked[row][j]) for row in range(queries)), accepted[:, j], rounds[:, j])
        for j, name in enumerate(settings.names)
    ]


def _from(
    game: Game,
    model: ConsultModel,
    rows: Indices,
    state: tuple[int, ...],
    depth: int | None,
    kept: Flags | None = None,
) -> Iterator[tuple[Indices, Outlook, Floats]]:
    """Look ahead from a state for some queries: those with the same experts and alternatives together, in chunks."""
    shut = game.clusters == MISSING if kept is None else (game.clusters == MISSING) | ~kept
    kinds: dict[tuple[int, bytes], list[int]] = {}
    for row in rows.tolist():
        kinds.setdefault((int(game.alternatives[row]), shut[row].tobytes()), []).append(row)
    for (alternatives, _), same in kinds.items():
        closed = frozenset(np.flatnonzero(shut[same[0]]).tolist())
        left = Counter(game.draws[e] for e, place in enumerate(state) if place == UNASKED and e not in closed)
        far = depth_for(1 + max(*state, -1), list(left.values())) if depth is None else depth
        for begin in range(0, len(same), CHUNK):
            at = np.array(same[begin : begin + CHUNK])
            ahead = outlook(
                model, game.quality[at], game.names, state, far, alternatives=alternatives or None, closed=closed,
                draws=game.draws,
            )  # fmt: skip
            yield at, ahead, game.costs[np.ix_(at, np.array(ahead.left, dtype=np.int64))]


def _groups(states: Indices) -> Iterator[tuple[tuple[int, ...], Indices]]:
    """The different states, and which rows are in each."""
    unique, inverse = np.unique(states, axis=0, return_inverse=True)
    for k, state in enumerate(unique):
        yield tuple(int(place) for place in state), np.flatnonzero(inverse.ravel() == k)


def _renamed(state: tuple[int, ...]) -> tuple[tuple[int, ...], dict[int, int]]:
    """Clusters numbered without gaps: only some of a query's answers are known yet."""
    names: dict[int, int] = {}
    renamed = tuple(place if place < 0 else names.setdefault(place, len(names)) for place in state)
    return renamed, names


def _speaker(quality: Floats, state: tuple[int, ...], ahead: Outlook, row: int) -> int:
    """Whose answer is returned: the best-predicted member of the best cluster; if all abstained, of them all."""
    renamed, clusters = _renamed(state)
    if clusters:
        best = int(ahead.posterior()[row].argmax())
        members = [e for e, place in enumerate(renamed) if place == best]
    else:
        members = [e for e, place in enumerate(renamed) if place != UNASKED]
    return max(members, key=lambda e: quality[e])


def _speakers(game: Game, model: ConsultModel, rows: Indices, state: tuple[int, ...]) -> Indices:
    renamed, _ = _renamed(state)
    found = np.zeros(len(game), dtype=np.int64)
    for at, ahead, _ in _from(game, model, rows, renamed, 0):
        for i, row in enumerate(at):
            found[row] = _speaker(game.quality[row], state, ahead, i)
    return found[rows]


def _best_set(ahead: Outlook, costs: Floats, rates: Floats, must: bool) -> tuple[Indices, Indices]:
    base = int(ahead.lattice.asked.max(initial=1)) + 1  # an expert may be asked more than once
    digits = base ** np.arange(len(ahead.left))
    masks = ahead.lattice.asked @ digits
    sets, which = np.unique(masks, return_inverse=True)
    summed = np.zeros((len(costs), len(sets)))
    for k in range(len(sets)):
        summed[:, k] = ahead.best[:, which == k].sum(axis=1)
    value = summed / ahead.reached[:, :1]
    members = sets[:, None] // digits % base
    worth = value[:, None, :] - rates[:, :, None] * (costs @ members.T)[:, None, :]
    if must and len(sets) > 1:
        worth[:, :, sets == 0] = -np.inf
    chosen = worth.argmax(axis=2)
    nobody = np.full(chosen.shape, STOP)
    if not ahead.left:
        return nobody, nobody
    priced = np.where(members[chosen] > 0, costs[:, None, :], np.inf)
    columns = np.array(ahead.left, dtype=np.int64)
    first = np.where(sets[chosen] == 0, STOP, columns[priced.argmin(axis=2)])
    return first, nobody


def _vote(game: Game, columns: Indices, name: str) -> Played:
    accepted = []
    asked = []
    for row in range(len(game)):
        told = [int(e) for e in columns if game.clusters[row, e] != MISSING]
        told = told or [int(e) for e in np.flatnonzero(game.clusters[row] != MISSING)[:1]]
        votes = [game.clusters[row, e] for e in told]

        def merit(e: int, row: int = row, votes: list[int] = votes) -> tuple[bool, int, float]:
            place = game.clusters[row, e]
            return place >= 0, votes.count(place), float(game.quality[row, e])

        accepted.append(max(told, key=merit))
        asked.append(tuple(told))
    return Played(name, tuple(asked), np.array(accepted), np.ones(len(game), dtype=np.int64))
