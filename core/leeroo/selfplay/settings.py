"""What a run is told to do, and whether it can be done, before anything is spent."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from leeroo.endpoints.openai_compatible import resolve
from leeroo.errors import ConfigError
from leeroo.pool.pool import Pool
from leeroo.selfplay.domains import Domains, scorer
from leeroo.selfplay.evaluation import LEAST_VOTERS

_MAY_CHANGE = ("rounds", "workers", "patience", "scope")


@dataclass(frozen=True)
class Settings:
    """Settings of a run.

    Attributes:
        rounds: How many at most.
        queries: Per round.
        held_out: Queries that are never learned from; every expert answers them before the first round.
        share: 0..1 of what running every expert on every query of a round would cost; 1 runs all.
        explore: 0..1 of that money goes to pairs drawn by chance.
        draws: Answers per pair; the score is the share of right ones.
        max_tokens: Output cap of an answer.
        workers: Requests in flight.
        seed: Of everything random.
        patience: Rounds without progress on the held-out part after which the run ends.
        learning: quick fits the traits of the pool's experts, full trains the predictor anew.
        tables: Outcome tables that full training learns from beside the run's own.
        epochs: Of full training.
        forget: Begin as if the predictor had never met the pool's experts.
        scope: Ledger account that is charged.
    """

    rounds: int = 3
    queries: int = 48
    held_out: int = 72
    share: float = 0.6
    explore: float = 0.2
    draws: int = 1
    max_tokens: int = 96
    workers: int = 2
    seed: int = 0
    patience: int = 2
    learning: Literal["quick", "full"] = "quick"
    tables: tuple[Path, ...] = ()
    epochs: int = 1
    forget: bool = False
    scope: str = "selfplay"

    def __post_init__(self) -> None:
        for name in ("rounds", "queries", "held_out", "draws", "max_tokens", "workers", "patience", "epochs"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; give 1 or more.")
        for name in ("share", "explore"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; give a share between 0 and 1.")
        if self.learning not in ("quick", "full"):
            raise ConfigError(f"learning is {self.learning!r}; give quick or full.")

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe."""
        return {**asdict(self), "tables": [str(path) for path in self.tables]}


def check_run(pool: Pool, domains: Domains, settings: Settings) -> tuple[str, str]:
    """Who writes and who judges, everything that a run needs being there.

    Returns:
        Names of the generator and the judge.

    Raises:
        ConfigError: An expert cannot be reached as it is described, one named is not in the pool, a user's function
            is not there, or consensus is asked of too few experts.
    """
    for expert in pool:
        resolve(expert)
    names = [pool[given or pool.reference].name for given in (domains.generator, domains.judge)]
    for name, domain in domains.domains.items():
        if domain.check == "function":
            scorer(domain, name)
        if domain.check == "consensus" and len(pool) < LEAST_VOTERS:
            raise ConfigError(
                f"domains.{name}: consensus needs {LEAST_VOTERS} experts, the pool has {len(pool)}; use another check."
            )
    return names[0], names[1]


def identity(pool: Pool, domains: Domains, settings: Settings, artifact: str) -> dict[str, Any]:
    """What must stay the same for a run to go on: hashes by subject; rounds and money may change."""
    experts = {e.name: (str(e.model), str(e.price)) for e in pool}  # a local server's address may change
    given = {k: v for k, v in settings.to_dict().items() if k not in _MAY_CHANGE}
    parts = {"pool": experts, "domains": domains.model_dump(mode="json"), "settings": given, "artifact": artifact}
    return {name: _digest(value) for name, value in parts.items()}


def differs(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """The first subject in which two identities differ."""
    return next((name for name in now if before.get(name) != now[name]), None)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
