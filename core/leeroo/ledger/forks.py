"""Forks beside threads that are inside SQLite: `FORKS`.

SQLite has locks of its own, for the whole process. A fork copies them as they are, so a child whose parent had a thread
inside SQLite at that moment waits for ever, in `sqlite3.connect` for example, for a thread that it does not have. So a
fork waits until no thread is inside.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 30.0
"""Seconds that a fork waits at most; a transaction takes milliseconds."""


class Forks:
    """Keeps threads and forks apart."""

    _forking: bool

    def __init__(self) -> None:
        self._forking = False
        self._inside = 0
        self._begin()
        self._mine = threading.local()
        os.register_at_fork(before=self._before, after_in_parent=self._over, after_in_child=self._begin)

    @contextmanager
    def outside(self) -> Iterator[None]:
        """A block beside which no other thread forks this process."""
        depth = getattr(self._mine, "depth", 0)
        if not depth:
            with self._change:
                while self._forking:
                    self._change.wait()
                self._inside += 1
        self._mine.depth = depth + 1
        born = self._born
        try:
            yield
        finally:
            self._mine.depth = depth
            if not depth and born is self._born:  # a child has begun to count anew
                with self._change:
                    self._inside -= 1
                    self._change.notify_all()

    def _before(self) -> None:
        own = 1 if getattr(self._mine, "depth", 0) else 0
        give_up = time.monotonic() + PATIENCE
        with self._change:
            while self._forking:  # another thread's
                self._change.wait(PATIENCE)
            self._forking = True
            while self._inside > own and (left := give_up - time.monotonic()) > 0:
                self._change.wait(left)

    def _over(self) -> None:
        with self._change:
            self._forking = False
            self._change.notify_all()

    def _begin(self) -> None:
        self._change = threading.Condition()
        self._inside = 0
        self._forking = False
        self._born = object()


FORKS = Forks()
