"""Leeroo beside other routers, on the same queries, in one run.

    python benchmarks/peers.py TABLE... --out docs/PEERS.json

Every router learns from the same known outcomes and is asked about the same held-out queries: the test part of each
table (`OutcomeTable.parts`), which the shipped predictor has not seen. Pools are 2 to 5 priced experts, drawn once.
All read the same vectors, those of Leeroo's encoder, so that heads are compared and not encoders. Public routers run
as they are installed from the package index, each in an environment of its own that is made here (`--envs`). Beside the
JSON a page is written; what could not be run stands there with the reason.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from peer_routers.environments import ENVIRONMENTS, PEERS, Peer, made, measured, predicted
from peer_routers.measures import Pool, table_figures
from peer_routers.page import write_page

from leeroo.evaluation.costs import experts_of
from leeroo.evaluation.crossval import drawn_pools
from leeroo.evaluation.vectors import predictor_vectors
from leeroo.outcomes.table import OutcomeTable
from leeroo.prediction import load
from leeroo.prediction.response import ResponsePredictor

POOLS, LEAST = 6, 60
"""Pools per table, and how many queries must be asked about in each."""


def jobs_of(
    table: OutcomeTable, vectors: np.ndarray, folder: Path, count: int
) -> tuple[list[dict[str, Any]], list[Pool]]:
    """Write a table for the others to read, and list its jobs."""
    asked = table.parts() == "test"
    scores, costs = table.scores.astype(float), table.costs.astype(float)
    np.savez(
        folder / f"{table.name}.npz", scores=scores, costs=costs, vectors=vectors, known=~asked,
        queries=np.array(table.queries), domains=np.array(table.domains), experts=np.array(table.experts),
    )  # fmt: skip
    jobs, pools = [], []
    digest = table.digest() + hashlib.sha256(vectors.tobytes()).hexdigest()
    for drawn in drawn_pools(costs, 20 * count, np.random.default_rng(1)):
        pool = sorted(drawn.tolist(), key=lambda j: float(np.nanmean(costs[:, j])))
        whole = ~(np.isnan(scores[:, pool]) | np.isnan(costs[:, pool])).any(axis=1)
        if (whole & asked).sum() >= LEAST and len(jobs) < count:
            # Every pool of a table asks about its own whole rows; tables that are filled have the same in all.
            key = hashlib.sha256(f"{digest} {pool}".encode()).hexdigest()[:16]
            places = np.flatnonzero(whole & asked).tolist()
            jobs.append({"key": key, "table": table.name, "pool": pool, "asked": places})
            rows = np.flatnonzero(whole)
            fold = np.where(asked[rows], 0, -1)
            pools.append(Pool(scores[np.ix_(rows, pool)], costs[np.ix_(rows, pool)], fold))
    return jobs, pools


def ours(predictor: ResponsePredictor, tables: dict[str, OutcomeTable], jobs: list[dict[str, Any]]) -> list[np.ndarray]:
    """Leeroo as it ships: nothing is fitted here."""
    found: dict[int, np.ndarray] = {}
    for name in dict.fromkeys(job["table"] for job in jobs):
        here = [i for i, job in enumerate(jobs) if job["table"] == name]
        table = tables[name]
        # All pools of a table at once: reading a query is what takes long.
        rows = sorted({row for i in here for row in jobs[i]["asked"]})
        columns = sorted({column for i in here for column in jobs[i]["pool"]})
        experts = experts_of([table.experts[j] for j in columns], table.prices[columns])
        quality = predictor.predict([table.queries[row] for row in rows], experts).quality.astype(float)
        for i in here:
            at = np.searchsorted(rows, jobs[i]["asked"])
            found[i] = quality[np.ix_(at, np.searchsorted(columns, jobs[i]["pool"]))]
    return [found[i] for i in range(len(jobs))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pools", type=int, default=POOLS)
    parser.add_argument("--envs", type=Path, default=Path("build/peers"), help="where the environments are made")
    parser.add_argument("--only", help="routers to run, comma-separated; all when absent")
    given = parser.parse_args()
    folder = given.envs / "jobs"
    folder.mkdir(parents=True, exist_ok=True)
    predictor = load(threads=1)
    tables = {path.name: OutcomeTable.read(path) for path in given.tables}
    jobs, pools, left_out = [], [], {}
    for name, table in tables.items():
        if (held := int((table.parts() == "test").sum())) < LEAST:
            left_out[name] = f"{held} queries in its test part"
            continue
        vectors = predictor_vectors(list(table.queries), predictor, progress=sys.stderr.isatty())
        listed, drawn = jobs_of(table, vectors, folder, given.pools)
        jobs, pools = jobs + listed, pools + drawn
    (folder / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
    asked = {name: len({i for job in jobs if job["table"] == name for i in job["asked"]}) for name in tables}
    found = {
        "tables": {
            name: {"asked": n, "pools": sum(j["table"] == name for j in jobs)} for name, n in asked.items() if n
        },
        "left_out": left_out,
        "routers": {},
        "not_run": {},
        "versions": {name: package for name, (_, package, _, _) in ENVIRONMENTS.items()},
    }
    for _ in _all(given, folder, predictor, tables, jobs, pools, found):
        # After every router: it takes long, and what was found until then is worth keeping.
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        write_page(found, given.out.with_suffix(".md"))


def _all(
    given: argparse.Namespace, folder: Path, predictor: ResponsePredictor, tables: dict[str, OutcomeTable],
    jobs: list[dict[str, Any]], pools: list[Pool], found: dict[str, Any],
) -> Iterator[None]:  # fmt: skip
    """Fill in figures by router, and why those that failed did; yields after each."""
    leeroo: np.ndarray | None = None
    won = 0.0
    encoder = measured(None, folder, Peer("encoder", "Leeroo's encoder", ""))["decision_ms"]
    for peer in PEERS:
        if given.only and peer.name not in given.only.split(","):
            continue
        sys.stderr.write(f"{peer.name} ...\n")
        try:
            env = made(given.envs, peer.environment) if peer.environment else None
            guesses = ours(predictor, tables, jobs) if peer.name == "leeroo" else predicted(env, folder, peer, jobs)
            cost = measured(env, folder, peer)
        except RuntimeError as error:
            found["not_run"][peer.title] = str(error)
            continue
        by_table = {}
        for name in dict.fromkeys(job["table"] for job in jobs):
            here = [i for i, job in enumerate(jobs) if job["table"] == name]
            by_table[name] = table_figures([pools[i] for i in here], [guesses[i] for i in here])
        samples = np.mean([figures.pop("won_samples") for figures in by_table.values()], axis=0)
        figures = _over(by_table, samples) | cost | {"title": peer.title, "tables": by_table}
        if peer.name == "leeroo":
            leeroo, won = samples, figures["won"]
        elif leeroo is not None:
            # The same resamples of the same queries: what is hard about them is hard for both.
            low, high = np.quantile(leeroo - samples, [0.025, 0.975])
            figures["leeroo_more"] = [won - figures["won"], float(low), float(high)]
        if peer.reads and peer.name != "leeroo":  # its own decision includes reading the query
            figures["decision_ms"] += encoder
        found["routers"][peer.name] = figures
        yield


def _over(by_table: dict[str, dict[str, Any]], samples: np.ndarray) -> dict[str, Any]:
    """Means over tables; the interval by resampling each table's queries."""
    means = {
        key: float(np.mean([figures[key] for figures in by_table.values()]))
        for key in ("won", "order", "cost_99", "cost_95")
    }
    return means | {"low": float(np.quantile(samples, 0.025)), "high": float(np.quantile(samples, 0.975))}


if __name__ == "__main__":
    main()
