"""Slow, plain implementations to compare with: the generative model by simulation, the look-ahead by recursion."""

from functools import cache

import numpy as np

from leeroo.consult.model import ConsultModel, nodes
from leeroo.consult.places import ABSTAINED, UNASKED


def simulate(model: ConsultModel, quality, names, draws, rng, *, alternatives=None, of=()):
    """Draw (state, whether each cluster is right) as the model says, with the quadrature's difficulties.

    `of` says of every column the first one of the same expert: a further draw repeats an earlier one, or is fresh.
    """
    rho = model.repeat_correlation
    places, weights = nodes()
    chances = model.chances(np.array([quality]), names)[0]
    nu = model.abstentions(names)
    for node in rng.choice(len(places), size=draws, p=weights):
        concentration = np.exp(model.concentration + model.tilt * places[node])
        right = rng.random(len(quality)) < chances[:, node]
        silent = ~right & (rng.random(len(quality)) < nu)
        blocks: list[int] = []
        answers: list[object] = []
        for column, (good, quiet) in enumerate(zip(right, silent, strict=True)):
            own = [answers[c] for c in range(column) if of and of[c] == of[column]]
            if own and rng.random() < len(own) * rho / (1 - rho + len(own) * rho):
                answers.append(own[rng.integers(len(own))])
                continue
            if good or quiet:
                answers.append("right" if good else None)
                continue
            if alternatives is None:
                odds = np.array([*blocks, concentration], dtype=float)
            else:
                odds = np.array([*blocks, *[0] * (alternatives - len(blocks))]) + concentration / alternatives
            k = int(rng.choice(len(odds), p=odds / odds.sum()))
            blocks += [0] * (k + 1 - len(blocks))
            blocks[k] += 1
            answers.append(k)
        seen: dict[object, int] = {}
        state = tuple(ABSTAINED if a is None else seen.setdefault(a, len(seen)) for a in answers)
        yield state, seen.get("right", -1)


def joint(model: ConsultModel, quality, names, state):
    """P(state, cluster k right) for k = none, 0, 1, ..., by the formula, with plain loops (no end of alternatives)."""
    places, weights = nodes()
    chances, nu = model.chances(np.array([quality]), names)[0], model.abstentions(names)
    clusters = 1 + max(*state, -1)
    found = []
    for right in range(-1, clusters):
        total = 0.0
        for n, (z, weight) in enumerate(zip(places, weights, strict=True)):
            product = weight
            for e, place in enumerate(state):
                q = chances[e, n]
                if place == ABSTAINED:
                    product *= (1 - q) * nu[e]
                elif place >= 0:
                    product *= q if place == right else (1 - q) * (1 - nu[e])
            c = np.exp(model.concentration + model.tilt * z)
            so_far = 0
            for k in range(clusters):
                for member in range(state.count(k) if k != right else 0):
                    product *= (member or c) / (c + so_far)
                    so_far += 1
            total += product
        found.append(total)
    return found


def value(model: ConsultModel, quality, names, costs, rate, *, depth=99):
    """Best action and value at the start, by recursion over states."""

    def canonical(state):
        seen: dict[int, int] = {}
        return tuple(c if c < 0 else seen.setdefault(c, len(seen)) for c in state)

    @cache
    def weights_of(state):
        return joint(model, quality, names, state)

    @cache
    def best(state, left):
        """(P(state) x value, action)."""
        stop = max(weights_of(state)[1:], default=0.0) if any(p != UNASKED for p in state) else -1.0
        chosen = (stop, None)
        for e, place in enumerate(state):
            if place != UNASKED or left == 0:
                continue
            new = 1 + max(*state, -1)
            after = [canonical((*state[:e], k, *state[e + 1 :])) for k in (ABSTAINED, *range(new + 1))]
            gained = sum(best(s, left - 1)[0] for s in after) - rate * costs[e] * sum(weights_of(state))
            if gained > chosen[0] + 1e-12:
                chosen = gained, e
        return chosen

    return best((UNASKED,) * len(quality), depth)
