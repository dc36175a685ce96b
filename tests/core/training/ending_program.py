"""What the test of how several processes end runs in each of them.

    accelerate launch --multi_gpu --num_processes 2 -m tests.core.training.ending_program FOLDER

In the first one, the thread of torch's that has done the last exchange is held up until the program is at its end.
"""

import atexit
import sys
import threading
import time
from pathlib import Path

import torch

from leeroo.training.processes import processes

TICK = 0.01
"""Seconds between two looks."""
LATE = 1
"""Seconds; without anyone waiting for it, the interpreter is gone long before."""


def main(folder):
    team = processes(cpu=True)
    model = team.prepare(torch.nn.Linear(3, 1))
    team.whole(model(torch.ones(2, 3)), 4).sum().backward()
    at_the_end = threading.Event()
    atexit.register(at_the_end.set)

    def held_up(_):
        at_the_end.wait()
        time.sleep(LATE)
        (folder / "thread-ended").touch()

    if not team.main:
        while not (folder / "listening").exists():
            time.sleep(TICK)
    exchange = torch.distributed.all_reduce(torch.ones(1), async_op=True).get_future()
    if team.main:
        exchange.add_done_callback(held_up)
        (folder / "listening").touch()
    exchange.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
