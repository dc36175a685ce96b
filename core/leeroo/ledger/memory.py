"""The record of calls, spend and feedback: the `Ledger` protocol, and the one in memory."""

import pickle
import threading
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from leeroo.errors import LeerooError
from leeroo.selection.pacing import Meter

KEPT_CALLS = 10_000
KEPT_LESSONS = 5_000


class Left(NamedTuple):
    """What hard limits leave of a scope, None where there is no such limit.

    Attributes:
        nano: Nano-dollars.
        tokens: Input and output tokens.
        paced: The paced limits above the scope, hard and soft, as they stand.
    """

    nano: int | None = None
    tokens: int | None = None
    paced: tuple[Meter, ...] = ()


class Lesson(NamedTuple):
    """The first feedback on a call, for learning from it.

    Attributes:
        number: Rises from lesson to lesson.
        expert: Who answered.
        predicted: What the predictor said of it.
        score: 0..1.
        scope: Whose call it was.
    """

    number: int
    expert: str
    predicted: float
    score: float
    scope: str | None


class Ledger(Protocol):
    """Where calls are written down. Implementations are safe to use from many threads."""

    def remaining(self, scope: str | None) -> Left:
        """What the scope may still spend."""
        ...

    def reserve(
        self,
        call_id: str,
        scope: str | None,
        nano: int,
        *,
        tokens: int = 0,
        expert: str | None = None,
        model: str | None = None,
    ) -> int:
        """Set the worst case of an attempt aside, atomically; returns the reservation's id.

        Args:
            call_id: The call.
            scope: Its account.
            nano: Nano-dollars, worst case.
            tokens: Input and output tokens, worst case.
            expert: Who is tried.
            model: Its model.

        Returns:
            The reservation's id; below 0 where the ledger is down and the call goes on without it.

        Raises:
            BudgetExceeded: A limit of the scope would be passed.
        """
        ...

    def settle(self, reservation: int, nano: int, *, tokens: int | None = None) -> None:
        """Exchange a reservation for what the attempt really cost and used; the reserved tokens when absent."""
        ...

    def write(self, record: Mapping[str, Any], query: str = "") -> None:
        """Keep the record of a closed call; the query, what the predictor read, only if the owner asked for it."""
        ...

    def feedback(self, call_id: str, score: float, note: str | None = None) -> None:
        """Keep a person's score (0..1) of a call's answer."""
        ...

    def lessons(self, after: int) -> Sequence[Lesson]:
        """First feedback of calls after a lesson's number, oldest first; of many the newest few thousand."""
        ...


class MemoryLedger:
    """A ledger that lives as long as the process and knows no limits. It keeps the newest 10,000 calls.

    Attributes:
        scores: Feedback by call id: (score, note).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reserved: dict[int, tuple[str | None, int]] = {}
        self._next = 0
        self._spent: dict[str | None, int] = {}
        # Pickled: ten thousand nested dicts would be a load on every garbage collection of the program.
        self._calls: OrderedDict[str, bytes] = OrderedDict()
        self.scores: dict[str, tuple[float, str | None]] = {}
        self._lessons: deque[Lesson] = deque(maxlen=KEPT_LESSONS)

    def remaining(self, scope: str | None) -> Left:
        """No limits here."""
        return Left()

    def reserve(
        self,
        call_id: str,
        scope: str | None,
        nano: int,
        *,
        tokens: int = 0,
        expert: str | None = None,
        model: str | None = None,
    ) -> int:
        """Set the worst case of an attempt aside."""
        with self._lock:
            self._next += 1
            self._reserved[self._next] = (scope, nano)
            return self._next

    def settle(self, reservation: int, nano: int, *, tokens: int | None = None) -> None:
        """Exchange a reservation for what the attempt really cost."""
        with self._lock:
            scope, _ = self._reserved.pop(reservation)
            self._spent[scope] = self._spent.get(scope, 0) + nano

    def spent(self, scope: str | None = None) -> int:
        """Nano-dollars settled on a scope."""
        with self._lock:
            return self._spent.get(scope, 0)

    def write(self, record: Mapping[str, Any], query: str = "") -> None:
        """Keep the record of a closed call."""
        kept = pickle.dumps(dict(record))
        with self._lock:
            self._calls[str(record["call_id"])] = kept
            while len(self._calls) > KEPT_CALLS:
                self._calls.popitem(last=False)

    def calls(self) -> list[dict[str, Any]]:
        """The records kept, oldest first."""
        with self._lock:
            kept = list(self._calls.values())
        return [pickle.loads(record) for record in kept]  # noqa: S301 - our own

    def feedback(self, call_id: str, score: float, note: str | None = None) -> None:
        """Keep a person's score of a call's answer.

        Raises:
            LeerooError: No such call is kept here.
        """
        with self._lock:
            if call_id not in self._calls:
                raise LeerooError(f"No call {call_id!r} is kept here; use the call_id of a record.")
            call = pickle.loads(self._calls[call_id])  # noqa: S301 - our own
            if call_id not in self.scores and call.get("expert") is not None:
                known = call["predicted_quality"] if call.get("base_quality") is None else call["base_quality"]
                number = self._lessons[-1].number + 1 if self._lessons else 1
                self._lessons.append(Lesson(number, call["expert"], known, score, call["budget"].get("scope")))
            self.scores[call_id] = (score, note)

    def lessons(self, after: int) -> Sequence[Lesson]:
        """First feedback of calls after a lesson's number, oldest first."""
        with self._lock:
            if not self._lessons or self._lessons[-1].number <= after:
                return ()
            return [lesson for lesson in self._lessons if lesson.number > after]


def may_wait(ledger: Ledger) -> bool:
    """Whether a ledger may wait for a disk or a network: all but the one in memory may."""
    return not isinstance(ledger, MemoryLedger)
