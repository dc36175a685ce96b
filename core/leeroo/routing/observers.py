"""Who is told of every call that ends and every request that is refused, in all routers of the process."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from leeroo.pool.pool import Pool
from leeroo.routing.health import Health


class Watched(Protocol):
    """What observers see of a router."""

    pool: Pool
    health: Health


Observer = Callable[[Watched, Mapping[str, Any], float, str | None], None]
"""Gets the router, the call's record, its seconds, and the name of the error where the request was refused."""

observers: list[Observer] = []
log = logging.getLogger("leeroo")


def tell(router: Watched, record: Mapping[str, Any], seconds: float, refused: str | None = None) -> None:
    """Tell all observers. One that fails is logged and takes no answer from the caller."""
    for observer in tuple(observers):
        try:
            observer(router, record, seconds, refused)
        except Exception:
            log.exception("An observer of calls failed.")
