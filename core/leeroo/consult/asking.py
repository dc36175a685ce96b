"""What a policy that asks several experts is told, and what it says: `Asking`. A new policy is a file beside this one.

The call makes the asks, books them, compares the answers and keeps the budget's hard limits; a policy only says whom to
ask next, when to stop, and how probable it makes each answer. `leeroo.consult.ahead` is the one in use.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from leeroo.budget import Budget
from leeroo.consult.model import ConsultModel
from leeroo.consult.places import State
from leeroo.pool.experts import Expert

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Option:
    """An expert that may be asked.

    Attributes:
        expert: Who.
        quality: Predicted P(right), 0..1.
        expected: Expected cost in nano-dollars.
        worst: Nano-dollars that must be free to ask it.
        seconds: Expected latency, 0 where nothing is known.
        draw: Which answer of this expert it would be; further ones than the first are options of their own, after the
            first ones of all. An expert's draws are asked in order.
    """

    expert: Expert
    quality: float
    expected: int
    worst: int
    seconds: float
    draw: int = 1


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a call is.

    Attributes:
        places: Of every option: `UNASKED`, `ABSTAINED`, or the cluster its answer is in, numbered from 0 without gaps.
        closed: Options that cannot be asked any more.
        answers: Answers so far.
        asks_left: How many more may be asked, None for any number.
        nano: Nano-dollars left, None without a cap.
        seconds: Left, None without a deadline.
        shifts: Of every option, logits by which its answer's log-probability moves its chance of being right; none
            where no endpoint gave any.
    """

    places: State
    closed: frozenset[int]
    answers: int
    asks_left: int | None
    nano: int | None
    seconds: float | None
    shifts: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """What to do: whom to ask at once, as places among the options; nobody, and why."""

    ask: tuple[int, ...] = ()
    stopped: str | None = None


class Asking(Protocol):
    """A policy in one call."""

    @property
    def considered(self) -> frozenset[int]:
        """Options that may be worth asking; the others never are. The first of all is always among them."""
        ...

    @property
    def words(self) -> str | None:
        """The rule in words for the record, None until it is known."""
        ...

    @property
    def least(self) -> float | None:
        """Probability from which on an answer is adequate, None where the rule names none."""
        ...

    def step(self, standing: Standing) -> Step:
        """What to do next. Of several to ask, the later ones wait where they cannot be paid for beside the first."""
        ...

    def posterior(self, standing: Standing) -> Floats:
        """P(right) of every cluster, shape (clusters,)."""
        ...


class Policy(Protocol):
    """Makes the `Asking` of a call."""

    def __call__(
        self,
        options: Sequence[Option],
        budget: Budget,
        *,
        model: ConsultModel,
        haste: float,
        alternatives: int | None,
    ) -> Asking:
        """Open.

        Args:
            options: Who may be asked, in the order in which they would be tried if one alone were asked.
            budget: The call's, its rule in it.
            model: How right and wrong answers come about.
            haste: Share of a second expert's price that may be wasted to ask two at once.
            alternatives: How many wrong answers the question has to choose from, None for without end.
        """
        ...
