"""The asks of a consultation's round, at once, as steps: in threads or in tasks, as the driver is sync or async."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from leeroo import Attempt
from leeroo.endpoints.rounds import AsyncRound, Ended, SyncRound
from llamaindex_leeroo.steps import Steps, adrive, drive


class Begin(NamedTuple):
    """Begin to ask.

    Attributes:
        asks: By attempt what asks its expert.
    """

    asks: Mapping[Attempt, Steps[Any]]

    def take(self) -> SyncRound:
        """The round."""
        return SyncRound({attempt: partial(drive, ask) for attempt, ask in self.asks.items()})

    async def atake(self) -> AsyncRound:
        """The round."""
        return AsyncRound({attempt: adrive(ask) for attempt, ask in self.asks.items()})


class Wait(NamedTuple):
    """Wait for what a round's method gives.

    Attributes:
        method: Of the round.
    """

    method: Callable[[], Any]

    def take(self) -> Ended:
        """Attempts that have ended."""
        ended: Ended = self.method()
        return ended

    async def atake(self) -> Ended:
        """Attempts that have ended."""
        ended: Ended = await self.method()
        return ended
