"""The experts' own endpoints, asked without blocking: raw answers and raw pieces, as the experts give them.

The openai SDK says where an endpoint is and which headers it wants. Requests are written and answers are read here, in
a fraction of the time that the SDK takes for large requests and for pieces: all requests share one event loop.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from leeroo.endpoints.openai_compatible import BadAnswer, Endpoint, client_options, request_to, resolve
from leeroo.endpoints.pieces import Pieces, read_whole
from leeroo.endpoints.transport import async_client
from leeroo.pool.experts import Expert
from leeroo.pool.pool import Pool
from leeroo.routing.attempt import Attempt

Json = dict[str, Any]
_PATH = "chat/completions"


class _Line(NamedTuple):
    """How an expert is reached.

    Attributes:
        place: Where.
        http: The client, with its connections.
        url: Of its chat completions.
        headers: Its key's among them.
    """

    place: Endpoint
    http: Any
    url: str
    headers: dict[str, str]

    def __repr__(self) -> str:
        return f"_Line({self.place!r})"


class Experts:
    """One client, with its connections, for every expert of a pool. Used within one event loop.

    Args:
        pool: The experts.

    Raises:
        ConfigError: An expert cannot be reached as the pool describes it: no endpoint, or no key in the environment.
    """

    def __init__(self, pool: Pool) -> None:
        self._lines = {expert.name: _line_to(expert) for expert in pool}

    async def complete(self, attempt: Attempt, body: Mapping[str, Any]) -> Json:
        """One whole answer.

        Args:
            attempt: Whom to ask, with which output cap, and how long.
            body: As for `/v1/chat/completions`.

        Raises:
            Exception: Whatever the SDK or its HTTP library raises.
            BadAnswer: The answer is no chat completion.
        """
        async with asyncio.timeout(attempt.timeout), self._asked(attempt, body) as response:
            answer = read_whole(await response.aread())
        choices = answer.get("choices") if isinstance(answer, dict) else None
        first = choices[0] if choices and isinstance(choices, list) else None
        if not isinstance(first, dict) or not isinstance(first.get("message"), dict):
            raise BadAnswer(f"Expert {attempt.expert.name!r} answered without a message.")
        return dict(answer)

    async def stream(self, attempt: Attempt, body: Mapping[str, Any]) -> AsyncGenerator[Json, None]:
        """The pieces of a streamed answer as they come. As `complete`."""
        ends = asyncio.get_running_loop().time() + attempt.timeout
        pieces = Pieces(attempt.expert.name)
        async with self._asked(attempt, body, ends=ends) as response:
            came = response.aiter_bytes()
            while not pieces.ended:
                try:
                    # The limit lies around the waiting only, so that a slow client is not taken for a slow expert.
                    async with asyncio.timeout_at(ends):
                        data = await anext(came)
                except StopAsyncIteration:
                    break
                for at, piece in enumerate(pieces.take(data)):
                    if at:
                        await asyncio.sleep(0)  # who sends faster than is read must not keep others waiting
                    yield piece
            for piece in pieces.end():
                yield piece

    async def close(self) -> None:
        """Close all connections."""
        for line in self._lines.values():
            await line.http.aclose()

    @asynccontextmanager
    async def _asked(
        self, attempt: Attempt, body: Mapping[str, Any], *, ends: float | None = None
    ) -> AsyncIterator[Any]:
        """An expert's response, whose body is yet to be read."""
        line = self._lines[attempt.expert.name]
        async with asyncio.timeout_at(ends):
            kwargs = request_to(attempt.expert, line.place, body, attempt.max_tokens)
            beside = kwargs.pop("extra_body")
            content = to_json({**kwargs, **beside})
            request = line.http.build_request(
                "POST", line.url, content=content, headers=line.headers, timeout=attempt.timeout
            )
            response = await line.http.send(request, stream=True)
        try:
            if response.status_code >= 300:
                raise await _refused(response)
            yield response
        finally:
            await response.aclose()


def _line_to(expert: Expert) -> _Line:
    import openai

    place, http = resolve(expert), async_client(expert.timeout)
    client = openai.AsyncOpenAI(**client_options(expert, place), http_client=http)
    given = {**client.default_headers, "Authorization": f"Bearer {client.api_key}", **(expert.headers or {})}
    headers = {name: value for name, value in given.items() if isinstance(value, str)}  # others say: not at all
    return _Line(place, http, f"{str(client.base_url).rstrip('/')}/{_PATH}", headers)


async def _refused(response: Any) -> Exception:
    """The SDK's error for a status that is none of an answer, in its words."""
    import openai

    text = (await response.aread()).decode(errors="replace").strip()
    try:
        body: Any = from_json(text)
    except ValueError:
        body = text
    told = body["error"] if isinstance(body, dict) and body.get("error") else body
    return openai.APIStatusError(f"Error code: {response.status_code} - {body}", response=response, body=told)
