"""The application over a router: `create_app`."""

import asyncio
import json
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from leeroo._version import __version__
from leeroo.errors import ConfigError, LeerooError, MissingDependency
from leeroo.routing.router import Router
from leeroo.serve.aside import Aside
from leeroo.serve.calls import Calls
from leeroo.serve.dialects import DIALECTS
from leeroo.serve.dialects.dialect import Dialect, Teller
from leeroo.serve.dialects.messages import COUNTING
from leeroo.serve.errors import Refusal, after, refusal_of, shape_of
from leeroo.serve.experts import Experts
from leeroo.serve.hints import http_error
from leeroo.serve.keys import Key, KeyFile
from leeroo.serve.leaving import LEFT, ClientLeft, while_there
from leeroo.serve.reading import Limits, read
from leeroo.serve.requests import ROUTED, Job, job_of
from leeroo.serve.schemas import SCHEMAS, ErrorBody, describe

try:
    from fastapi import FastAPI, Request, Response
    from starlette.exceptions import HTTPException

    from leeroo.serve.gate import Gate
    from leeroo.serve.held import Held
    from leeroo.serve.streaming import Events, EventStream
except ImportError as error:
    raise MissingDependency("`leeroo serve` needs FastAPI and uvicorn: pip install 'leeroo[serve]'") from error

log = logging.getLogger("leeroo.serve")
READERS = 2
"""Requests that are read at a time."""
LARGE = 64_000
"""Bytes of a request that waits for its turn: of those one is read at a time, with rests."""
LOOKED = 1.0
"""Seconds for which the ledger is taken to be well once it has answered: everybody may ask, as often as they like."""
GRACE = 30
"""Seconds that answers have to end when the server is asked to."""


@dataclass(frozen=True)
class Settings:
    """How the server treats requests.

    Attributes:
        per_minute: Requests of one key, or without keys of one address, per minute; 0 for no limit.
        max_bytes: The largest body of a request.
        held_bytes: Of the bodies of all requests that are on their way, together.
        limits: How much a request may hold.
        body_seconds: In which the body of a request has to come.
        read_seconds: In which it has to be read and judged.
    """

    per_minute: int = 600
    max_bytes: int = 20_000_000
    held_bytes: int = 200_000_000
    limits: Limits = field(default_factory=Limits)
    body_seconds: float = 60.0
    read_seconds: float = 20.0

    def __post_init__(self) -> None:
        if self.per_minute < 0:
            raise ConfigError(f"requests per minute is {self.per_minute}; give 0 (no limit) or more.")
        if self.max_bytes < 1:
            raise ConfigError(f"the largest request is {self.max_bytes} bytes; give 1 or more.")
        if self.held_bytes < self.max_bytes:
            raise ConfigError(f"all requests together may hold {self.held_bytes} bytes, one of them {self.max_bytes}; "
                              "give the largest request or more.")  # fmt: skip
        for what, seconds in (("the body of a request", self.body_seconds), ("reading a request", self.read_seconds)):
            if not 0 < seconds < math.inf:
                raise ConfigError(f"{what} has {seconds} s; give a number of seconds above 0.")


def create_app(router: Router, *, keys: KeyFile | None = None, settings: Settings | None = None) -> FastAPI:
    """The ASGI application.

    Args:
        router: Answers the requests. Its pool's budget holds where a client says nothing nearer; what a client cannot
            pass are the limits that the ledger has on the scope of its key.
        keys: Who may ask, None for everybody who reaches the loopback address.
        settings: Limits on requests.

    Raises:
        ConfigError: An expert cannot be reached as the pool describes it, or has the name of the router itself.
    """
    settings = settings or Settings()
    if ROUTED in router.pool.names:
        raise ConfigError(f"An expert is called {ROUTED!r}, as the router is; give it another name.")
    serving = _Serving(router, settings)
    app = FastAPI(title="Leeroo", version=__version__, lifespan=serving.lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(
        Gate, keys=keys, per_minute=settings.per_minute, max_bytes=settings.max_bytes, seconds=settings.body_seconds,
        held=Held(settings.held_bytes),
    )  # fmt: skip
    for kind in (Refusal, LeerooError, HTTPException):
        app.add_exception_handler(kind, serving.failed)
    errors: dict[int | str, dict[str, Any]] = {
        "4XX": {"model": ErrorBody, "description": "The request's fault, or its budget's."},
        "5XX": {"model": ErrorBody, "description": "No expert answered, or the server is not well."},
    }
    for dialect in DIALECTS:
        schema = {"$ref": SCHEMAS.format(model=dialect.schema.__name__)}
        body = {"content": {"application/json": {"schema": schema}}, "required": True}
        app.post(dialect.path, responses=errors, response_class=Response, openapi_extra={"requestBody": body})(
            serving.answers(dialect)
        )
    app.post(COUNTING.path, responses=errors, response_class=Response)(serving.count)
    app.get("/v1/models", responses=errors)(serving.models)
    app.get("/v1/models/{model:path}", responses=errors)(serving.model)
    app.post("/v1/embeddings", responses=errors, response_class=Response)(serving.embeddings)
    app.get("/healthz", responses=errors)(serving.health)
    app.get("/metrics", responses=errors, response_class=Response)(serving.metrics)
    describe(app, [dialect.schema for dialect in DIALECTS])
    return app


class _Serving:
    """The handlers."""

    def __init__(self, router: Router, settings: Settings) -> None:
        self._router = router
        self._settings = settings
        self._experts = Experts(router.pool)
        self._running: set[asyncio.Task[None]] = set()
        self._well_until = 0.0
        self._since = int(time.time())

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """What lives as long as the server."""
        self._aside = Aside()
        # Few threads: reading is the interpreter's own work, and many at it would keep the event loop from its turn.
        self._reading = Aside(READERS)
        self._reading_large = Aside(1, rest=2.0)
        self._looking = Aside(1)  # whether the server is well can be told however many calls wait for the ledger
        self._calls = Calls(self._router, self._experts, self._aside)
        await self._aside(lambda: self._router.predictor)  # loaded now, not by the first request
        try:
            yield
        finally:
            if self._running:
                await asyncio.wait(self._running, timeout=GRACE)
            await self._experts.close()
            self._aside.close()
            self._reading.close()
            self._reading_large.close()
            self._looking.close()

    def answers(self, dialect: Dialect) -> Callable[[Request], Awaitable[Response]]:
        """The handler of an endpoint that answers, by the cheapest adequate expert within the budget."""

        async def answer(request: Request) -> Response:
            job, teller = await self._job(request, dialect)

            def refusal(error: Exception) -> Refusal:
                return self._refusal(error, job.budget.scope)

            if not job.body.get("stream"):
                try:
                    completion = await self._calls.whole(job, partial(while_there, request.receive))
                except ClientLeft:
                    return Response(status_code=LEFT)
                except LeerooError as error:
                    raise await self._aside(refusal, error) from None
                request.state.answer_id = completion["id"]
                return _json(teller.whole(completion))
            events = Events(self._calls.pieces(job), teller, partial(self._aside, refusal), self._running)
            try:
                content = await while_there(request.receive, events.begin())
            except ClientLeft:
                return Response(status_code=LEFT)
            request.state.answer_id = events.id
            return EventStream(events, content)

        answer.__name__ = dialect.path.removeprefix("/v1/").replace("/", "_")
        return answer

    async def count(self, request: Request) -> Response:
        """How many tokens a request's input has at the expert that would answer it, as far as that can be said."""
        job, _ = await self._job(request, COUNTING)
        decision = await self._aside(self._router.decide, job.query, job.budget)
        candidates = decision.selection.order[:1] or decision.candidates
        return _json({"input_tokens": max(one.input_tokens for one in candidates)})

    async def models(self) -> Response:
        """The router and its experts."""
        names = (ROUTED, *self._router.pool.names)
        data = [self._described(name) for name in names]
        return _json({"object": "list", "data": data, "has_more": False, "first_id": names[0], "last_id": names[-1]})

    async def model(self, model: str) -> Response:
        """One of them."""
        if model != ROUTED and model not in self._router.pool:
            raise Refusal(404, f"The model {model!r} does not exist here.", code="model_not_found", param="model")
        return _json(self._described(model))

    async def embeddings(self) -> Response:
        """Refused: embeddings of different models cannot stand for each other, so there is nothing to route."""
        message = "Leeroo routes chat completions and serves no embeddings: have your client ask their provider itself."
        raise Refusal(404, message, code="unsupported_endpoint")

    async def health(self) -> Response:
        """Whether the server can take requests: its ledger answers, or did so within the last second."""
        if asyncio.get_running_loop().time() >= self._well_until:
            try:
                await self._looking(self._router.ledger.remaining, None)
            except LeerooError as error:
                raise self._refusal(error, None) from None
            self._well_until = asyncio.get_running_loop().time() + LOOKED
        return _json({"status": "ok", "version": __version__, "experts": len(self._router.pool)})

    async def metrics(self) -> Response:
        """Figures for Prometheus."""
        try:
            from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
        except ImportError:
            raise Refusal(404, "Metrics need prometheus-client on the server: pip install 'leeroo[metrics]'.") from None
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def failed(self, request: Request, error: Exception) -> Response:
        """Any error in the shape that the path's clients know."""
        refusal = self._refusal(error, None, request.url.path)
        return Response(
            refusal.encoded(shape_of(request.url.path)), refusal.status, dict(refusal.headers), "application/json"
        )

    async def _job(self, request: Request, dialect: Dialect) -> tuple[Job, Teller]:
        key: Key | None = request.state.key
        body = await request.body()

        def work() -> tuple[Job, Teller]:
            chat, teller = read(body, self._settings.limits, dialect)
            return job_of(chat, request.headers, key, self._router), teller

        try:
            async with asyncio.timeout(self._settings.read_seconds):
                reading = self._reading if len(body) <= LARGE else self._reading_large
                return await reading.started(work)
        except TimeoutError:
            raise Refusal(503, "The server is busy reading other requests.", "server_error", "busy",
                          headers=after(1)) from None  # fmt: skip

    def _refusal(self, error: Exception, scope: str | None, path: str = "") -> Refusal:
        cause = error.__cause__
        if isinstance(error, Refusal):
            return error
        if isinstance(cause, Refusal):  # FastAPI calls what its reading of a body meets "an error parsing the body"
            return cause
        if isinstance(error, HTTPException):
            return http_error(error.status_code, str(error.detail), error.headers, path)
        if isinstance(error, LeerooError):
            refusal = refusal_of(error, self._router, scope)
            if refusal.code == "unavailable":
                log.error("%s: %s", type(error).__name__, error)
            return refusal
        log.error("A stream failed: %s", type(error).__name__)
        return Refusal(500, "Leeroo failed; the server's log says where.", "server_error")

    def _described(self, name: str) -> dict[str, Any]:
        # As OpenAI's clients know it, and as Anthropic's do.
        since = datetime.fromtimestamp(self._since, UTC).isoformat()
        return {"id": name, "object": "model", "created": self._since, "owned_by": "leeroo",
                "type": "model", "display_name": name, "created_at": since}  # fmt: skip


def _json(body: Mapping[str, Any]) -> Response:
    # ASCII: answers may hold characters that UTF-8 has no bytes for.
    return Response(json.dumps(body), media_type="application/json")
