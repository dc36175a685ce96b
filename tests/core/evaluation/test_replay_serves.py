"""A replay asks whom a call asks that has the same predictions and prices."""

import numpy as np
import pytest

from leeroo import Budget, Expert, Price
from leeroo.consult.ahead import LookAhead
from leeroo.consult.asking import Option, Standing
from leeroo.consult.model import ConsultModel
from leeroo.consult.places import UNASKED
from leeroo.consult.policy import HASTE
from leeroo.evaluation import policies
from leeroo.evaluation.replaying import Game
from leeroo.money import to_nano
from leeroo.selection.selector import Candidate, select

COSTS = {"weak": 1e-6, "small": 2e-5, "middle": 5e-5, "large": 1e-3}
MODEL = ConsultModel()


def game_of(count=24):
    """Experts of all strengths, the weakest right in one of thirty questions."""
    rng = np.random.default_rng(0)
    names = tuple(COSTS)
    quality = rng.normal([0.03, 0.5, 0.7, 0.78], [0.01, 0.15, 0.1, 0.1], size=(count, 4)).clip(0.01, 0.99)
    clusters = np.where(rng.random((count, 4)) < quality, 0, rng.integers(1, 9, size=(count, 4)))
    costs = np.repeat([list(COSTS.values())], count, axis=0)
    return Game(tuple(f"q{i}" for i in range(count)), names, quality, costs, clusters, np.full(count, 9))


def candidates_of(game, row):
    for j, name in enumerate(game.experts):
        expert, cost = Expert(model=name, name=name, price=Price(input=1, output=1)), to_nano(game.costs[row, j])
        yield Candidate(expert, float(game.quality[row, j]), "learned", 0, 0, 0, cost, cost, 0)


def called(game, row, budget):
    """Whom the policy of a call asks (columns), in order."""
    order = select(list(candidates_of(game, row)), budget).order
    columns = [game.experts.index(c.expert.name) for c in order]
    options = [Option(c.expert, c.quality, c.expected_cost, c.expected_cost, 0.0) for c in order]
    policy = LookAhead(options, budget, model=MODEL, haste=HASTE, alternatives=int(game.alternatives[row]))
    closed = frozenset(range(len(options))) - policy.considered
    places, asked, names = [UNASKED] * len(options), [], {}
    while any(place == UNASKED and e not in closed for e, place in enumerate(places)):
        told = policy.step(Standing(tuple(places), closed, len(asked), None, None, None)).ask
        if not told:
            break
        for e in told:
            asked.append(columns[e])
            places[e] = names.setdefault(game.clusters[row, columns[e]], len(names))
    return tuple(asked)


@pytest.mark.parametrize("value", [0.0, 0.02, 0.05, 0.1, 0.2, 0.7, 0.9])
def test_within_a_tolerance_whom_a_call_asks(value):
    game, budget = game_of(), Budget(tolerance=value, confidence=0.5)
    [play] = policies.consult(game, policies.sweep(game, "tolerance", MODEL, value=value), MODEL)
    assert list(play.asked) == [called(game, row, budget) for row in range(len(game))]


@pytest.mark.parametrize(
    ("rule", "value"),
    [("tolerance", 0.02), ("tolerance", 0.2), ("tolerance", 0.9), ("min_quality", 0.7), ("willingness_to_pay", 0.003)],
)
def test_who_is_chosen_once_is_whom_the_rule_chooses(rule, value):
    game, budget = game_of(), Budget.of({rule: value, "confidence": 0.5} if rule == "tolerance" else {rule: value})
    [play] = policies.choose_once(game, policies.sweep(game, rule, MODEL, value=value))
    chosen = [select(list(candidates_of(game, row)), budget).order[0].expert.name for row in range(len(game))]
    assert [game.experts[e] for e in play.accepted] == chosen
