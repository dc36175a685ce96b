"""Writes that a ledger could not take, kept until it can."""

import atexit
import logging
import threading
from collections import deque
from collections.abc import Callable

from leeroo.ledger.limits import LedgerError

log = logging.getLogger("leeroo.ledger")
MOST = 10_000


class Later:
    """A queue of writes, oldest first, at most 10,000. Thread-safe."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()
        self._registered = False

    def __len__(self) -> int:
        return len(self._waiting)

    def run(self, work: Callable[[], None], what: str) -> None:
        """Do it now, or keep it where the ledger is down."""
        try:
            work()
        except LedgerError as error:
            with self._lock:
                if len(self._waiting) >= MOST:
                    log.error("The ledger is down and %d writes wait already; lost: %s. %s", MOST, what, error)
                    return
                self._waiting.append(work)
                if not self._registered:
                    atexit.register(self.catch_up)
                    self._registered = True
            log.error("The ledger is down; kept for later: %s. %s", what, error)

    def catch_up(self) -> None:
        """Do what waits, as far as the ledger takes it."""
        while self._waiting:
            with self._lock:
                if not self._waiting:
                    return
                work = self._waiting.popleft()
            try:
                work()
            except LedgerError:
                with self._lock:
                    self._waiting.appendleft(work)
                return
