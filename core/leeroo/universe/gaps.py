"""Which domains no expert of a pool serves well, and which other expert would add most there."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leeroo.errors import ConfigError, did_you_mean


@dataclass(frozen=True)
class Gap:
    """How a pool serves one domain.

    Attributes:
        domain: Its name.
        queries: How many it has.
        best: Mean over queries of the pool's best score: what a perfect router would reach.
        expert: The pool's expert with the highest mean score there.
        single: That mean.
        helper: The expert outside the pool that would raise `best` most; None when there is none.
        gain: By how much.
    """

    domain: str
    queries: int
    best: float
    expert: str
    single: float
    helper: str | None
    gain: float


def find_gaps(
    scores: npt.NDArray[np.float32],
    names: Sequence[str],
    domains: Sequence[str],
    pool: Sequence[str],
    *,
    least: int = 20,
) -> list[Gap]:
    """The domains of some outcomes, the worst served first.

    Args:
        scores: 0..1, NaN where unknown, which counts as not answered, shape (queries, experts).
        names: The experts' names.
        domains: The domain of each query.
        pool: The experts of the pool.
        least: Domains with fewer queries are left out.

    Raises:
        ConfigError: An unknown expert.
    """
    places = {name: place for place, name in enumerate(names)}
    for name in pool:
        if name not in places:
            raise ConfigError(f"Unknown expert {name!r}.{did_you_mean(name, places)}")
    known = np.nan_to_num(scores)
    inside = [places[name] for name in pool]
    outside = [place for name, place in places.items() if name not in pool]
    labels = np.array(domains)
    found = []
    for domain in sorted(set(domains)):
        block = known[labels == domain]
        if len(block) < least:
            continue
        best, means = block[:, inside].max(axis=1), block[:, inside].mean(axis=0)
        gains = np.maximum(block[:, outside] - best[:, None], 0).mean(axis=0)
        top = int(gains.argmax()) if outside else None
        found.append(
            Gap(
                domain=domain,
                queries=len(block),
                best=float(best.mean()),
                expert=pool[int(means.argmax())],
                single=float(means.max()),
                helper=None if top is None else names[outside[top]],
                gain=0.0 if top is None else float(gains[top]),
            )
        )
    return sorted(found, key=lambda gap: gap.best)
