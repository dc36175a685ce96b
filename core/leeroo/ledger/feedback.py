"""Feedback on a call, wherever it was made: `feedback`, and which ledger has which call of this process."""

import os
import threading
from collections import OrderedDict

from leeroo.errors import ConfigError, LeerooError
from leeroo.ledger.memory import Ledger

KNOWN_CALLS = 20_000

_ledgers: OrderedDict[str, Ledger] = OrderedDict()
_ledgers_lock = threading.Lock()


def remember_ledger(call_id: str, ledger: Ledger) -> None:
    """Note which ledger has a call; the newest 20,000 calls of the process are known."""
    with _ledgers_lock:
        _ledgers[call_id] = ledger
        while len(_ledgers) > KNOWN_CALLS:
            _ledgers.popitem(last=False)


def feedback(call_id: str, score: float, note: str | None = None, *, ledger: str | None = None) -> None:
    """Say how good the answer of a call was; it is kept in that call's ledger.

    Args:
        call_id: `record["call_id"]`.
        score: 0 (useless) .. 1 (right).
        note: A few words.
        ledger: URL of the ledger, where another process made the call; $LEEROO_LEDGER when absent.

    Raises:
        ConfigError: The score is not between 0 and 1, or there is no such ledger.
        LeerooError: Neither a router of this process nor the ledger knows the call.
    """
    if isinstance(score, bool) or not isinstance(score, (int, float)) or not 0 <= score <= 1:
        raise ConfigError(f"score is {score!r}; give a number between 0 and 1.")
    with _ledgers_lock:
        known = _ledgers.get(call_id)
    url = ledger or os.environ.get("LEEROO_LEDGER")
    if known is not None and ledger is None:
        known.feedback(call_id, score, note)
    elif url:
        from leeroo.ledger.opening import open_ledger

        opened = open_ledger(url, new=False)
        try:
            opened.feedback(call_id, score, note)
        finally:
            opened.close()
    else:
        raise LeerooError(
            f"No call {call_id!r} in this process; give the call_id of a record, or the URL of the ledger that has it."
        )
