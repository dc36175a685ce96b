"""Writes that a ledger could not take, kept until it can; those that it never will are set aside."""

import atexit
import logging
import os
import threading
from collections import deque
from collections.abc import Callable

from leeroo.errors import LeerooError
from leeroo.ledger.limits import LedgerError, UnfitData
from leeroo.visible import visible

log = logging.getLogger("leeroo.ledger")
MOST = 10_000

Work = Callable[[], None]


class Later:
    """A queue of writes, oldest first, at most 10,000. Thread-safe. A forked child begins with none of its parent's.

    Args:
        set_aside: Told what was to be written and why it cannot be, once for each write; it must not raise.
    """

    def __init__(self, set_aside: Callable[[str, str], None]) -> None:
        self._set_aside = set_aside
        self._waiting: deque[tuple[Work, str]] = deque()
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._registered = False

    def __len__(self) -> int:
        self._after_fork()
        return len(self._waiting)

    def run(self, work: Work, what: str) -> None:
        """Do it now, or keep it where the ledger is down. Never raises for what the ledger refuses."""
        what = visible(what, 200)
        self._after_fork()
        try:
            self._do(work, what)
        except LedgerError as error:
            with self._lock:
                if len(self._waiting) >= MOST:
                    log.error("The ledger is down and %d writes wait already; lost: %s. %s", MOST, what, error)
                    return
                self._waiting.append((work, what))
                if not self._registered:
                    atexit.register(self.catch_up)
                    self._registered = True
            log.error("The ledger is down; kept for later: %s. %s", what, error)

    def catch_up(self) -> None:
        """Do what waits, as far as the ledger takes it."""
        self._after_fork()
        while self._waiting:
            with self._lock:
                if not self._waiting:
                    return
                work, what = self._waiting.popleft()
            try:
                self._do(work, what)
            except LedgerError:
                with self._lock:
                    self._waiting.appendleft((work, what))
                return
            except LeerooError as error:
                self._put_aside(what, str(error))

    def _do(self, work: Work, what: str) -> None:
        try:
            work()
        except UnfitData as error:
            self._put_aside(what, str(error))

    def _put_aside(self, what: str, why: str) -> None:
        log.error("This can never be booked and is set aside: %s. %s", what, why)
        self._set_aside(what, why)

    def _after_fork(self) -> None:
        if os.getpid() != self._pid:  # they are the parent's to write: by both they would be written twice
            self._waiting.clear()
            self._lock, self._pid = threading.Lock(), os.getpid()
