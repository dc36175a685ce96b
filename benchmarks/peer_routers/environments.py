"""Which routers are compared, the environments that they are installed in, and how their programs are called."""

import functools
import json
import os
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
TORCH = "torch==2.13.0"
ENVIRONMENTS = {
    "llmrouter": ("run_llmrouter.py", "llmrouter-lib==0.4.0", (TORCH,), "llmrouter.models"),
    "routellm": ("run_routellm.py", "routellm==0.2.0", (TORCH,), "routellm.routers.routers"),
    "semantic-router": ("run_semantic_router.py", "semantic-router==1.1.1", (), "semantic_router"),
}
"""By name: the program that runs there, the package, what is pinned beside it, and what is imported to use it."""


@dataclass(frozen=True)
class Peer:
    """One row of the table.

    Attributes:
        name: As its program knows it.
        title: As people know it.
        environment: Where it runs; empty for this one.
        reads: Whether a decision needs the query's vector.
    """

    name: str
    title: str
    environment: str
    reads: bool = True


PEERS = (
    Peer("leeroo", "Leeroo, as it ships", ""),
    Peer("knn", "kNN, k=60", ""),
    Peer("irt-mirt", "IRT-Router, MIRT *", ""),
    Peer("irt-nirt", "IRT-Router, NIRT *", ""),
    Peer("avengers-pro", "Avengers-Pro *", ""),
    Peer("llmrouter-knn", "LLMRouter kNN", "llmrouter"),
    Peer("llmrouter-mlp", "LLMRouter MLP", "llmrouter"),
    Peer("llmrouter-mf", "LLMRouter MF", "llmrouter"),
    Peer("routellm-mf", "RouteLLM MF", "routellm"),
    Peer("semantic-router", "semantic-router", "semantic-router"),
    Peer("best", "best fixed choice", "", reads=False),
    Peer("cheapest", "always cheapest", "", reads=False),
    Peer("llmrouter-graph", "LLMRouter Graph", "llmrouter"),
)


OWN = {"leeroo": "run_leeroo.py", "encoder": "run_leeroo.py", "irt-mirt": "run_irt.py", "irt-nirt": "run_irt.py"}
"""Programs that run in this environment, where they are not `run_papers.py`."""


@dataclass(frozen=True)
class Environment:
    """A peer's own environment."""

    python: Path
    program: Path
    version: str
    module: str


def made(folder: Path, name: str) -> Environment:
    """The environment of that name, made where it is not there yet.

    Raises:
        RuntimeError: It could not be installed; the message is pip's last line.
    """
    program, package, pinned, module = ENVIRONMENTS[name]
    place = folder.absolute() / name
    python = place / "bin/python"
    if not (place / "installed").exists():
        sys.stderr.write(f"installing {package} in {place} ...\n")
        venv.create(place, with_pip=True, clear=True)
        done = subprocess.run(
            [python, "-m", "pip", "install", "--quiet", package, *pinned], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"pip install {package} failed: {done.stderr.strip().splitlines()[-1]}")
        (place / "installed").touch()
    return Environment(python, HERE / program, package, module)


def predicted(env: Environment | None, folder: Path, peer: Peer, jobs: Sequence[Mapping[str, Any]]) -> list[np.ndarray]:
    """A peer's predictions, job by job.

    Raises:
        RuntimeError: Its program failed.
    """
    file = folder / f"{peer.name}.npz"
    wanted = {job["key"] for job in jobs}
    if not file.exists() or wanted - set(np.load(file).files):
        _run(env, folder, peer)
    with np.load(file) as found:
        return [found[job["key"]] for job in jobs]


def measured(env: Environment | None, folder: Path, peer: Peer) -> dict[str, float]:
    """What one decision takes (ms), the memory that a process then holds (MiB), and the import (s).

    Raises:
        RuntimeError: Its program failed.
    """
    file = folder / f"{peer.name}-measured.json"
    if file.exists():  # a run that was broken off goes on where it was; delete the folder to measure anew
        return json.loads(file.read_text(encoding="utf-8"))
    said = _run(env, folder, peer, "--measure")
    line = next(line for line in said.splitlines() if line.startswith("MEASURED "))
    module = env.module if env else ("leeroo" if peer.name == "leeroo" else "")
    found = json.loads(line.removeprefix("MEASURED ")) | ({"import_s": _import(env, module)} if module else {})
    file.write_text(json.dumps(found), encoding="utf-8")
    return found


def _run(env: Environment | None, folder: Path, peer: Peer, *more: str) -> str:
    own = HERE / OWN.get(peer.name, "run_papers.py")
    call = [env.python if env else sys.executable, env.program if env else own, folder.absolute(), peer.name, *more]
    done = subprocess.run(call, capture_output=True, text=True, check=False, env=_variables())
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1][:300] if done.stderr.strip() else "it failed silently")
    return done.stdout


@functools.cache
def _import(env: Environment | None, module: str) -> float:
    """CPU seconds, which a busy machine disturbs little: the fewer of two processes, after one that warms up."""
    program = f"import time; import {module}; print(time.process_time())"
    took = []
    for _ in range(3):
        done = subprocess.run(
            [env.python if env else sys.executable, "-c", program], capture_output=True, text=True, check=False,
            env=_variables() | {"OPENAI_API_KEY": "unused"},
        )  # fmt: skip
        took.append(float(done.stdout.strip().splitlines()[-1]) if done.returncode == 0 else float("nan"))
    return min(took[1:])


def _variables() -> dict[str, str]:
    """Nothing is fetched from a hub; one thread each, so that a busy machine disturbs all of them alike."""
    return dict(os.environ) | {
        "HF_HUB_OFFLINE": "1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else its import asks the network for prices
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONWARNINGS": "ignore",
        "TOKENIZERS_PARALLELISM": "false",
    }
