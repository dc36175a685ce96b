import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from leeroo.errors import MissingDependency
from leeroo.prediction import load
from leeroo.training.processes import Processes, processes
from leeroo.training.training import train
from tests.core.training.accelerate_program import SETTINGS, without_dropout

ROOT = Path(__file__).parents[3]
TOLERANCE = 1e-5
"""Sums in another order differ in the last digits, and 54 steps of training carry that on: 1e-7 was measured."""


@pytest.mark.parametrize("size", [1, 2, 5, 16])
def test_shares_are_equally_long_and_cover_the_batch(size):
    shares = []
    for index in range(3):
        team = Processes()
        team.count, team.index = 3, index
        shares.append(team.share(size))
    assert len({len(share) for share in shares}) == 1
    # Side by side they are the batch, then some of it again.
    order = np.stack(shares, axis=1).ravel()
    assert order[:size].tolist() == list(range(size))
    assert len(order) < size + 3


def test_one_process_has_the_whole_batch():
    rows = torch.rand(5, 2)
    assert processes(cpu=True).share(5).tolist() == [0, 1, 2, 3, 4]
    assert processes(cpu=True).whole(rows, 5) is rows
    assert processes(cpu=True).main


def test_several_processes_without_accelerate(monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(MissingDependency, match=r"leeroo\[train\]"):
        processes(cpu=True)


def launched(program, *arguments):
    """Two processes of a program that stands beside this file, ended."""
    pytest.importorskip("accelerate", reason="accelerate is not installed: pip install 'leeroo[train]'")
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes=2"]
    launch += ["--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no", "--main_process_port=0"]
    launch += ["--num_cpu_threads_per_process=1", "-m", f"tests.core.training.{program}", *map(str, arguments)]
    environment = {
        **os.environ,
        "GLOO_SOCKET_IFNAME": "lo",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "core"), str(ROOT)]),
    }
    return subprocess.run(launch, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=150)


def test_a_process_ends_after_the_threads_that_exchanged_for_it(tmp_path):
    done = launched("ending_program", tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "thread-ended").exists()


def test_two_processes_interrupted_and_resumed_train_as_one(table_dir, tiny_base, tmp_path, monkeypatch):
    done = launched("accelerate_program", table_dir, tiny_base, tmp_path / "two")
    assert done.returncode == 0, done.stderr[-3000:]
    reports = [json.loads((tmp_path / "two" / f"process-{rank}.json").read_text()) for rank in (0, 1)]
    assert reports[0] == reports[1]
    steps = [json.loads(line)["step"] for line in (tmp_path / "two" / "work" / "log.jsonl").read_text().splitlines()]
    assert steps[:54] == [*range(53), 50]  # only the main process writes

    monkeypatch.setattr(torch.nn.Dropout, "forward", torch.nn.Dropout.forward)
    without_dropout()
    alone = train([table_dir], tmp_path / "one", base=tiny_base, **SETTINGS)
    for name, loss in alone.validation.items():
        assert reports[0]["validation"][name] == pytest.approx(loss, abs=TOLERANCE)
    together, single = (load(tmp_path / name).artifact.arrays for name in ("two", "one"))
    np.testing.assert_allclose(together["project"], single["project"], atol=TOLERANCE)
