"""Waits for what another thread or process does."""

import time


def wait_for(what, otherwise="it did not happen", seconds=5.0):
    """Until `what` returns something true."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise AssertionError(otherwise)
        time.sleep(0.01)
