"""How often the choice changes when the question is the same but its writing is not."""

import random
from collections.abc import Callable, Sequence

import numpy as np

from leeroo.evaluation.costs import expected_costs, experts_of
from leeroo.evaluation.metrics import default_choice
from leeroo.outcomes.table import OutcomeTable
from leeroo.prediction.predictor import Predictor
from leeroo.training.rewording import in_some_words, reordered


def typos(text: str, rng: random.Random) -> str:
    """Two neighbouring letters swapped in about one word of 25."""
    return in_some_words(text, rng, 25, lambda word, at: word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :])


def with_typos(queries: Sequence[str]) -> list[str]:
    """The queries with typos, always the same ones."""
    rng = random.Random(0)  # noqa: S311 - not for secrets
    return [typos(query, rng) for query in queries]


CHANGES: dict[str, Callable[[str, random.Random], str]] = {
    "typos": typos,
    "lower case": lambda text, _: text.lower(),
    "trailing whitespace": lambda text, _: text + "  \n\n",
    "reordered options": reordered,
    "polite preamble": lambda text, _: "Hello! Could you please help me with this question? " + text,
}


def flip_rates(table: OutcomeTable, predictor: Predictor) -> dict[str, dict[str, float]]:
    """Share of queries whose choice changes, and how much predicted quality that costs on average.

    The choice is the default rule's: the cheapest expert within 0.02 of the best predicted quality.

    Args:
        table: Queries and experts.
        predictor: The predictor.

    Returns:
        By change: `flips` (0..1) and `regret` (mean loss of the quality predicted for the unchanged query).
    """
    experts = experts_of(table.experts, table.prices)

    def choose(queries: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        found = predictor.predict(queries, experts)
        costs = expected_costs(predictor, found, experts, queries, table.prices)
        return default_choice(found.quality.astype(np.float64), costs), found.quality

    base, quality = choose(table.queries)
    rows = np.arange(len(base))
    rates = {}
    for name, change in CHANGES.items():
        rng = random.Random(0)  # noqa: S311 - not for secrets
        picked, _ = choose([change(query, rng) for query in table.queries])
        regret = np.maximum(quality[rows, base] - quality[rows, picked], 0)
        rates[name] = {"flips": float((picked != base).mean()), "regret": float(regret.mean())}
    return rates
