"""Labelling on Ray, where one machine is too small: the functions of `labelling` in workers on all its nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from leeroo.budget import ambient
from leeroo.errors import ConfigError, MissingDependency
from leeroo.outcomes.families import Problem
from leeroo.outcomes.labelling import FIGURES, Labeller, outcome_table
from leeroo.outcomes.table import OutcomeTable
from leeroo.pool.pool import Pool

CPUS = 0.25
"""Cores that Ray sets aside for a worker: it waits for experts nearly all the time."""


def label(
    pool: Pool,
    problems: Sequence[Problem],
    *,
    ledger: str | None = None,
    scope: str | None = None,
    name: str = "labelled",
    max_tokens: int = 96,
    workers: int = 2,
    processes: int = 2,
    batch: int = 16,
) -> OutcomeTable:
    """As `leeroo.outcomes.labelling.label`, by several processes of the Ray cluster that this program belongs to.

    Without `ray.init` before, Ray joins the cluster that RAY_ADDRESS names, else starts one on this machine. The batch
    of a worker that dies is run again by another: its calls are paid again, within the ledger's limits.

    Args:
        pool: The experts; run through their OpenAI-compatible endpoints, which every node must reach. Their keys are
            read from the workers' environment and never sent.
        problems: Questions with their answers.
        ledger: URL of the ledger, opened by every worker: its limits hold for all of them together. PostgreSQL where
            the cluster has several nodes; SQLite will do on one.
        scope: The ledger's account.
        name: Name of the table.
        max_tokens: Output cap of each answer.
        workers: Requests in flight per process.
        processes: Processes on the cluster.
        batch: Problems that a process takes at a time.

    Raises:
        ConfigError: An expert has no endpoint, the ledger's URL is not usable, or an ambient budget is in force.
        LedgerError: The ledger is down.
        MissingDependency: Ray or SQLAlchemy is not installed.
    """
    try:
        import ray.data
    except ImportError as error:
        raise MissingDependency(f"Labelling on Ray needs {error.name}: pip install 'leeroo[ray]'.") from None
    if ambient().accounts:
        raise ConfigError("leeroo.budget(...) does not reach Ray's workers; set a limit on a scope of the ledger.")
    settings: dict[str, Any] = {"scope": scope, "max_tokens": max_tokens, "workers": workers}
    Labeller(pool, **settings)  # what is wrong with the pool or the ledger is said here, not by a worker
    url = None if ledger is None else _prepared(ledger)
    rows = [{"row": row, **asdict(problem)} for row, problem in enumerate(problems)]
    found = np.full((len(problems), len(pool), FIGURES), np.nan, dtype=np.float32)
    batches = max(1, -(-len(rows) // batch))
    done = ray.data.from_items(rows, override_num_blocks=batches).map_batches(
        _Worker,
        batch_size=None,
        compute=ray.data.ActorPoolStrategy(size=min(processes, batches)),
        num_cpus=CPUS,
        fn_constructor_args=(pool, url, settings),
    )
    for one in done.iter_rows():
        found[one["row"]] = one["outcomes"]
    return outcome_table(pool, problems, found, name)


class _Worker:
    """One process: its own connection to the ledger, and batches of problems as Ray hands them out."""

    def __init__(self, pool: Pool, ledger: str | None, settings: Mapping[str, Any]) -> None:
        from leeroo.ledger.opening import open_ledger

        self._labeller = Labeller(pool, None if ledger is None else open_ledger(ledger), **settings)

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        columns = [batch[field].tolist() for field in Problem.__slots__]
        problems = [Problem(*values) for values in zip(*columns, strict=True)]
        return {"row": batch["row"], "outcomes": self._labeller.outcomes(problems)}


def _prepared(ledger: str) -> str:
    """The URL, its file's path absolute, once the ledger is known to open: workers may be started elsewhere."""
    from leeroo.ledger.opening import open_ledger

    open_ledger(ledger).close()
    from sqlalchemy import make_url

    url = make_url(ledger)
    if url.get_backend_name() == "sqlite" and url.database and not url.database.startswith("file:"):
        url = url.set(database=str(Path(url.database).absolute()))
    return url.render_as_string(hide_password=False)
