"""The jobs of `benchmarks/peers.py`, as a router reads them in an environment of its own. Needs numpy and no more.

A job is one pool of one table: what its experts did on the known queries, and the queries asked about. A program of
this folder is called as

    python run_PEER.py FOLDER ROUTER            # predictions of all jobs, in FOLDER/ROUTER.npz
    python run_PEER.py FOLDER ROUTER --measure  # one line of JSON: what one decision takes, and the memory held

and hands a class to `main`: `fit(job)` learns, `qualities(job)` predicts, `decide(job, i)` is one decision.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

DECISIONS = 60
"""Decisions that are timed."""


@dataclass(frozen=True)
class Job:
    """One pool.

    Attributes:
        key: Names the job and what it was made of.
        table: The table's name.
        experts: Names, the cheapest first.
        queries: Texts of the known queries.
        vectors: Their vectors, shape (known, width).
        domains: Their topics.
        scores: 0..1, shape (known, experts); nothing is missing.
        costs: USD, same shape.
        asked: Texts asked about.
        asked_vectors: Shape (asked, width).
    """

    key: str
    table: str
    experts: tuple[str, ...]
    queries: list[str]
    vectors: np.ndarray
    domains: list[str]
    scores: np.ndarray
    costs: np.ndarray
    asked: list[str]
    asked_vectors: np.ndarray


class Peer(Protocol):
    """A router under comparison."""

    def fit(self, job: Job) -> None:
        """Learn from what is known."""

    def qualities(self, job: Job) -> np.ndarray:
        """What it thinks of each expert for each query asked about, shape (asked, experts)."""

    def decide(self, job: Job, i: int) -> object:
        """One decision, by the router's own way, for the query asked about at `i`; its vector is there already."""


def read(folder: Path) -> list[Job]:
    """All jobs of a folder."""
    listed = json.loads((folder / "jobs.json").read_text(encoding="utf-8"))
    tables = {name: np.load(folder / f"{name}.npz", allow_pickle=False) for name in {one["table"] for one in listed}}
    return [_job(tables[one["table"]], one) for one in listed]


def _job(table: Mapping[str, np.ndarray], one: Mapping[str, Any]) -> Job:
    pool, scores = np.array(one["pool"]), table["scores"]
    whole = ~np.isnan(scores[:, pool]).any(axis=1) & ~np.isnan(table["costs"][:, pool]).any(axis=1)
    known, asked = np.flatnonzero(whole & table["known"]), np.array(one["asked"])
    text = table["queries"]
    return Job(
        key=one["key"],
        table=one["table"],
        experts=tuple(str(name) for name in table["experts"][pool]),
        queries=[str(q) for q in text[known]],
        vectors=table["vectors"][known],
        domains=[str(d) for d in table["domains"][known]],
        scores=scores[np.ix_(known, pool)].astype(np.float64),
        costs=table["costs"][np.ix_(known, pool)].astype(np.float64),
        asked=[str(q) for q in text[asked]],
        asked_vectors=table["vectors"][asked],
    )


def main(routers: Mapping[str, Callable[[], Peer]]) -> None:
    """Run what the command line asks for."""
    folder, name = Path(sys.argv[1]), sys.argv[2]
    jobs = read(folder)
    if "--measure" in sys.argv:
        print("MEASURED " + json.dumps(measure(routers[name], jobs[0])))
        return
    file = folder / f"{name}.npz"
    found = dict(np.load(file)) if file.exists() else {}
    for number, job in enumerate(jobs):
        if job.key in found:  # a run that was broken off goes on where it was
            continue
        peer = routers[name]()
        peer.fit(job)
        found[job.key] = np.asarray(peer.qualities(job), dtype=np.float64)
        sys.stderr.write(f"{name}: {job.table} {number + 1}/{len(jobs)}\n")
        np.savez_compressed(file, **found)


def measure(router: Callable[[], Peer], job: Job) -> dict[str, float]:
    """CPU time of one decision once the router is there, in ms, and the memory that the process then holds, in MiB.

    CPU time, because a busy machine disturbs it little; with one thread it is the latency of an idle one.
    """
    peer = router()
    peer.fit(job)
    took = []
    for i in range(min(DECISIONS, len(job.asked))):
        began = time.process_time()
        peer.decide(job, i)
        took.append(time.process_time() - began)
    status = Path("/proc/self/status").read_text(encoding="ascii")
    held = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return {"decision_ms": float(np.median(took[5:]) * 1e3), "memory_mib": held / 1024}
