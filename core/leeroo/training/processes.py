"""One training run by several processes, each with its share of every batch: Hugging Face Accelerate. Needs torch.

`accelerate launch` runs the same program several times. With the same seeds all of them plan the same batches; each
takes its share of the queries through the network, and all get each other's logits, so that the loss is that of the
whole batch, whatever its terms are divided by. One process trains as before, and needs no Accelerate.
"""

import atexit
import os
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from leeroo.errors import ConfigError, MissingDependency

T = TypeVar("T")
PATIENCE = timedelta(days=7)
"""The others wait so long while one writes the artifact; when it fails, `accelerate launch` ends them at once."""


class Processes:
    """A process that trains alone.

    Attributes:
        count: Processes that train together.
        index: Which one this is.
    """

    count = 1
    index = 0

    @property
    def main(self) -> bool:
        """Whether this one writes: checkpoints, log, artifact."""
        return self.index == 0

    def prepare(self, network: nn.Module) -> nn.Module:
        """The module to call in the network's place."""
        return network

    def share(self, size: int) -> npt.NDArray[np.int64]:
        """The places of this process's queries in a batch; all processes get as many, if need be some twice."""
        return np.arange(self.index, -(-size // self.count) * self.count, self.count) % size

    def whole(self, share: torch.Tensor, size: int) -> torch.Tensor:
        """The whole batch's rows, shape (size, ...), of this process's own; only these pass gradients on."""
        return share

    def same(self, value: T | None) -> T:
        """The main process's value, in all of them."""
        return value  # type: ignore[return-value]


class Launched(Processes):
    """One of several processes that `accelerate launch` has started.

    Args:
        cpu: Whether the network lies on the CPU.

    Raises:
        ConfigError: Accelerate is configured for more than data parallelism.
        MissingDependency: accelerate is not installed.
    """

    def __init__(self, *, cpu: bool) -> None:
        try:
            from accelerate import Accelerator
            from accelerate.utils import InitProcessGroupKwargs
        except ImportError:
            raise MissingDependency("Several processes need accelerate: pip install 'leeroo[train]'.") from None
        self._accelerator: Any = Accelerator(
            cpu=cpu,
            device_placement=False,
            mixed_precision="no",
            kwargs_handlers=[InitProcessGroupKwargs(timeout=PATIENCE)],
        )
        kind = self._accelerator.distributed_type.value
        if kind not in ("MULTI_CPU", "MULTI_GPU"):
            raise ConfigError(f"accelerate is configured for {kind}; train with plain data parallelism (MULTI_GPU).")
        self.count = self._accelerator.num_processes
        self.index = self._accelerator.process_index
        atexit.register(self._accelerator.end_training)

    def prepare(self, network: nn.Module) -> nn.Module:
        """The network in torch's DistributedDataParallel, which averages gradients; each process drops out its own."""
        torch.manual_seed(torch.initial_seed() + self.index)
        return self._accelerator.prepare(network)  # type: ignore[no-any-return]

    def whole(self, share: torch.Tensor, size: int) -> torch.Tensor:
        """The rows of all shares in the batch's order."""
        rows: torch.Tensor = self._accelerator.gather(share.detach()).reshape(self.count, *share.shape)
        # The mean over processes is taken of the gradients, but each row is in one share only: their sum is wanted.
        share.register_hook(lambda gradient: gradient * self.count)  # type: ignore[no-untyped-call]
        rows[self.index] = share
        return rows.transpose(0, 1).flatten(0, 1)[:size]

    def same(self, value: T | None) -> T:
        """The main process's value, once it has got there."""
        from accelerate.utils import broadcast_object_list

        return broadcast_object_list([value])[0]  # type: ignore[no-any-return]


def processes(*, cpu: bool) -> Processes:
    """Those that `accelerate launch` has started together with this one, or this one alone.

    Args:
        cpu: Whether the network lies on the CPU.

    Raises:
        ConfigError: Accelerate is configured for more than data parallelism.
        MissingDependency: Accelerate is needed and not installed.
    """
    return Launched(cpu=cpu) if launched() else Processes()


def launched() -> bool:
    """Whether a launcher has started several processes, as its variables say."""
    return "LOCAL_RANK" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1
