"""The policy in use: ask whom the look-ahead says (`leeroo.consult.policy`), by the budget's rule."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from leeroo.budget import Budget
from leeroo.consult.asking import Floats, Option, Standing, Step
from leeroo.consult.lattice import depth_for
from leeroo.consult.model import ConsultModel
from leeroo.consult.places import UNASKED
from leeroo.consult.policy import STOP, Limits, plan, promising
from leeroo.consult.posterior import Outlook, outlook
from leeroo.consult.rules import Rule, rule_of
from leeroo.money import to_usd


class LookAhead:
    """An `Asking`; arguments as of `leeroo.consult.asking.Policy`.

    Attributes:
        considered: The options worth looking ahead for, and the first: it would be chosen once.
    """

    def __init__(
        self, options: Sequence[Option], budget: Budget, *, model: ConsultModel, haste: float, alternatives: int | None
    ) -> None:
        self._options, self._budget, self._model = options, budget, model
        self._haste, self._alternatives = haste, alternatives
        self._quality = np.array([[option.quality for option in options]])
        self._costs = np.array([to_usd(option.expected) for option in options])
        known = [option.expert for option in options]
        self._names = [model.name_of(expert.name, expert.traits, expert.model_id) for expert in known]
        self._rule: Rule | None = None
        first = {option.expert.name: e for e, option in reversed(list(enumerate(options)))}
        self._draws = [first[option.expert.name] for option in options]
        own = sorted(first.values())
        quality = self._quality[0, own]
        confirming = model.confirming(quality, [self._names[e] for e in own], alternatives)
        kept = {0, *(own[e] for e in promising(quality, self._costs[own], confirming))}
        self.considered = frozenset(e for e, one in enumerate(self._draws) if one in kept)

    @property
    def words(self) -> str | None:
        """The rule in words, once it is known."""
        return None if self._rule is None else self._rule.words

    @property
    def least(self) -> float | None:
        """The posterior from which on an answer is adequate, where the rule names one."""
        return None if self._rule is None else self._rule.least

    def step(self, standing: Standing) -> Step:
        """The best action in the state."""
        left = Counter(
            self._draws[e] for e, p in enumerate(standing.places) if p == UNASKED and e not in standing.closed
        )
        far = depth_for(1 + max(*standing.places, -1), list(left.values()))
        ahead = self._look(standing, far if standing.asks_left is None else min(far, standing.asks_left))
        costs, limits = self._costs[list(ahead.left)][None, :], self._limits(ahead, standing)
        if self._rule is None:
            self._rule = rule_of(self._budget, ahead, costs, limits=limits)
        must = not standing.answers
        rates = self._rule.rates(ahead, costs, must=must, limits=limits)
        found = plan(ahead, costs, rates, must=must, limits=limits, haste=self._haste)
        first, second = int(found.action[0, 0]), int(found.beside[0, 0])
        if first == STOP:
            return Step(stopped=_reason(ahead, self._rule, limits))
        return Step((first,) if second == STOP else (first, second))

    def posterior(self, standing: Standing) -> Floats:
        """P(right) of every cluster, shape (clusters,)."""
        return np.asarray(self._look(standing, 0).posterior()[0])

    def _look(self, standing: Standing, depth: int) -> Outlook:
        # A caller's own comparison may see more different answers than there are options.
        most = 1 + max(standing.places, default=-1)
        few = self._alternatives is not None and most > self._alternatives + 1
        return outlook(
            self._model,
            self._quality,
            self._names,
            standing.places,
            depth,
            alternatives=None if few else self._alternatives,
            closed=standing.closed,
            shifts=standing.shifts,
            draws=self._draws,
        )

    def _limits(self, ahead: Outlook, standing: Standing) -> tuple[Limits, ...]:
        """The money and the time that are left, as the look-ahead counts them."""
        left = [self._options[e] for e in ahead.left]
        found = []
        if standing.nano is not None:
            expected = np.array([option.expected for option in left], dtype=np.float64)
            worst = np.array([option.worst for option in left], dtype=np.float64)
            found.append(Limits(expected, worst, float(standing.nano)))
        if standing.seconds is not None:
            seconds = np.array([option.seconds for option in left])
            found.append(Limits(seconds, seconds, standing.seconds))
        return tuple(found)


def _reason(ahead: Outlook, rule: Rule, limits: Sequence[Limits]) -> str:
    """Why nobody else is asked."""
    posterior = float(ahead.best[0, 0] / ahead.reached[0, 0])
    if rule.least is not None and posterior >= rule.least:
        return "the posterior reaches min_quality"
    if any((limit.worst > limit.left).all() for limit in limits):
        return "the rest of the budget pays for nobody else"
    if rule.least is not None:
        return "min_quality is out of reach, and another answer would hardly bring it nearer"
    return "another answer is not worth its price"
