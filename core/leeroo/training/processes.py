"""One training run by several processes, each with its share of every batch: Hugging Face Accelerate. Needs torch.

`accelerate launch` runs the same program several times. With the same seeds all of them plan the same batches; each
takes its share of the queries through the network, and all get each other's logits, so that the loss is that of the
whole batch, whatever its terms are divided by. One process trains as before, and needs no Accelerate.
"""

import atexit
import gc
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
        # Its functions' defaults are the group there is when it is first imported, and would keep it: see `_end`.
        import torch.distributed.nn  # noqa: F401 - only so that it comes before the group

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
        atexit.register(self._end)

    def prepare(self, network: nn.Module) -> nn.Module:
        """The network in torch's DistributedDataParallel, which averages gradients; each process drops out its own."""
        torch.manual_seed(torch.initial_seed() + self.index)
        prepared: nn.Module = self._accelerator.prepare(network)
        self._accelerator.free_memory()  # of what it has prepared it would keep a reference of its own, to the end
        return prepared

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

    def _end(self) -> None:
        """Leave the process group, and wait for its threads.

        They may still hold tensors of the last exchange, and one that lets go of a tensor when the interpreter is gone
        aborts the process. It is the group's destructor that waits, so nothing may refer to the group any more; the
        network does in its DistributedDataParallel, which only the collector of circles frees.
        """
        gc.collect()
        self._accelerator.end_training()


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
