"""Runs the application as a process: `serve`."""

import gc
import ipaddress
import logging
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from leeroo.errors import ConfigError, MissingDependency
from leeroo.routing import metrics
from leeroo.routing.router import Router
from leeroo.serve.app import GRACE, Settings, create_app
from leeroo.serve.keys import KeyFile
from leeroo.serve.protocol import impatient, most_connections

SWITCH = 0.0005
"""Seconds after which a thread that computes gives way; the event loop waits for that at each packet."""
GARBAGE = 10_000
"""New objects after which garbage is looked for; a request of many messages makes more than Python's 700 in no time."""

if TYPE_CHECKING:
    from fastapi import FastAPI


def serve(
    router: Router, *, host: str, port: int, keys: KeyFile | None = None, settings: Settings | None = None
) -> None:
    """Run the application until the process is asked to end.

    Args:
        router: Answers the requests.
        host: Address to listen on; other than loopback with keys only.
        port: TCP port; 0 for any that is free.
        keys: Who may ask.
        settings: Limits on requests.

    Raises:
        ConfigError: An address that others reach, without keys.
    """
    import uvicorn

    if keys is not None and not any(key.revoked is None for key in keys.all()):
        raise ConfigError(f"{keys.path} has no key that holds; make one with `leeroo keys add SCOPE`.")
    if keys is None and not is_loopback(host):
        raise ConfigError(
            f"{host} can be reached from other machines, and whoever reaches it spends your money. Give --keys FILE "
            "(`leeroo keys add SCOPE` makes it), or listen on 127.0.0.1."
        )
    app = create_app(router, keys=keys, settings=settings)
    log_to_stderr()
    with suppress(MissingDependency):  # /metrics says what to install
        metrics.enable()
    _make_way(router)
    uvicorn.Server(server_config(app, host, port)).run()


def _make_way(router: Router) -> None:
    """Set the interpreter up for an event loop that shares it with threads which compute."""
    _ = router.predictor
    sys.setswitchinterval(SWITCH)
    # All that is loaded by now stays: looking through it for garbage holds everything up for a fifth of a second.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE, *gc.get_threshold()[1:])


def server_config(app: "FastAPI", host: str, port: int, log_level: str = "info") -> Any:
    """How uvicorn runs the application.

    Args:
        app: From `create_app`.
        host: Address to listen on.
        port: TCP port; 0 for any that is free.
        log_level: uvicorn's.

    Returns:
        A `uvicorn.Config`.
    """
    import uvicorn

    return uvicorn.Config(
        app, host=host, port=port, log_level=log_level, server_header=False, timeout_graceful_shutdown=GRACE, ws="none",
        access_log=False,  # ours says the same, and the request's name
        http=impatient(most_connections()), proxy_headers=False,  # whoever asks may write those
    )  # fmt: skip


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def log_to_stderr() -> None:
    """Write Leeroo's log to standard error, where the process has nobody else who set it up."""
    logger = logging.getLogger("leeroo")
    if logging.getLogger().handlers or any(not isinstance(one, logging.NullHandler) for one in logger.handlers):
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
