"""Policies that replay plays: consult, choosing once, cascades, majority, and cascade routing, each over settings.

A setting is a willingness to pay: one over the quality that a dollar is worth. The cascades and cascade routing
(J. Dekoninck, M. Baader, M. Vechev, "A Unified Approach to Routing and Cascading for LLMs", 2024) are given the same
posterior as consult; what differs is what they may do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from leeroo.consult.model import ConsultModel
from leeroo.consult.places import UNASKED
from leeroo.consult.policy import HASTE, STOP, plan, rate_reaching, rate_within
from leeroo.consult.posterior import Outlook
from leeroo.evaluation.replaying import MISSING, Game, Played
from leeroo.evaluation.states import Flags, Floats, Indices, ahead_from, groups_of, renumbered, speaker, speakers
from leeroo.selection.selector import EPSILON


@dataclass(frozen=True)
class Settings:
    """The settings of a sweep.

    Attributes:
        names: In words.
        rates: Quality that a USD is worth, shape (queries, settings); unused where `least` decides.
        least: Probability of being right that is demanded, shape (settings,); None where none is.
        within: How far below the best prediction who is chosen once may be, shape (settings,); None where nothing says.
    """

    names: tuple[str, ...]
    rates: Floats
    least: Floats | None = None
    within: Floats | None = None

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
        return Settings(tuple(f"{rule}={m:.4g}" for m in least), _hardly(game, len(least)), least)
    given = np.concatenate([[0.0], np.geomspace(1e-3, 0.5, points - 1)]) if value is None else np.array([value])
    rates = np.zeros((len(game), len(given)))
    settings = Settings(tuple(f"{rule}={t:.4g}" for t in given), rates, within=given)
    kept, more = _considered(game, settings, model)
    draws, start = np.array(game.draws), (UNASKED,) * len(game.experts)
    for extra in np.unique(more):
        wanted = more == extra
        rows = np.flatnonzero(wanted.any(axis=1))
        for at, ahead, costs in ahead_from(game, model, rows, start, None, kept | (draws == extra)):
            for j in np.flatnonzero(wanted[at].any(axis=0)):
                rates[at, j] = np.where(wanted[at, j], rate_within(ahead, costs, float(given[j])), rates[at, j])
    return replace(settings, rates=rates)


def _hardly(game: Game, many: int) -> Floats:
    """Rates at which price only tells those apart that are as good."""
    return np.repeat(1e-9 / game.costs.max(axis=1, keepdims=True), many, axis=1)


def _considered(game: Game, settings: Settings, model: ConsultModel) -> tuple[Flags, Indices]:
    """Who is worth looking ahead for, and who beside them in each setting: whom the rule chooses once always is."""
    kept, draws = game.promising(model), np.array(game.draws)
    once = draws[np.stack([play.accepted for play in choose_once(game, settings)], axis=1)]
    return kept, np.where(np.take_along_axis(kept, once, axis=1), STOP, once)


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
    """Ask the expert that the rule chooses alone, and take its answer: by quality less price, or the cheapest adequate.

    What is not known of experts does not count, as in a call with `confidence=0.5`.
    """
    possible = game.clusters != MISSING
    best = np.where(possible, game.quality, -np.inf).max(axis=1, keepdims=True)
    played = []
    for j, name in enumerate(settings.names):
        quality, rates = game.quality, settings.rates[:, j, None]
        if settings.least is not None:
            quality = np.minimum(quality, settings.least[j])
        if settings.within is not None:  # consult's rates are not a single one's: it weighs what answers tell
            quality, rates = np.minimum(quality, best - settings.within[j] - EPSILON), _hardly(game, 1)
        worth = np.where(possible, quality - rates * game.costs, -np.inf)
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
        for state, rows in groups_of(states):
            renamed, _ = renumbered(state)
            for at, ahead, _ in ahead_from(game, model, rows, renamed, 0):
                best[at] = ahead.best[:, 0] / ahead.reached[:, 0]
            if any(place != UNASKED for place in state):
                accepted[rows] = speakers(game, model, rows, state)
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
    draws, (kept, more) = np.array(game.draws), _considered(game, settings, model)
    while running.any():
        cells = np.argwhere(running)
        for (extra, *state), places in groups_of(np.concatenate([more[running][:, None], states[running]], axis=1)):
            renamed, _ = renumbered(tuple(state))
            here = cells[places]
            rows = np.unique(here[:, 0])
            wanted = np.zeros((queries, many), dtype=np.bool_)
            wanted[here[:, 0], here[:, 1]] = True
            must = all(place == UNASKED for place in state)
            for at, ahead, costs in ahead_from(game, model, rows, renamed, depth, kept | (draws == extra)):
                first, second = decide(ahead, costs, settings.rates[at], must)
                for i, row in enumerate(at):
                    for j in np.flatnonzero(wanted[row]):
                        told = [int(e) for e in (first[i, j], second[i, j]) if e != STOP]
                        if not told:
                            accepted[row, j] = speaker(game.quality[row], renamed, ahead, i)
                            running[row, j] = False
                        asked[row][j] += told
                        rounds[row, j] += bool(told)
                        states[row, j, told] = game.clusters[row, told]
    return [
        Played(name, tuple(tuple(asked[row][j]) for row in range(queries)), accepted[:, j], rounds[:, j])
        for j, name in enumerate(settings.names)
    ]


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
