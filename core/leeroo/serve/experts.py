"""The experts' own endpoints, asked without blocking: raw answers and raw pieces, as the experts give them."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any

from leeroo.endpoints.openai_compatible import BadAnswer, client_options, request_to, resolve
from leeroo.endpoints.transport import async_client
from leeroo.pool.pool import Pool
from leeroo.routing.attempt import Attempt

if TYPE_CHECKING:
    from openai import AsyncOpenAI

Json = dict[str, Any]


class Experts:
    """One client, with its connections, for every expert of a pool. Used within one event loop.

    Args:
        pool: The experts.

    Raises:
        ConfigError: An expert cannot be reached as the pool describes it: no endpoint, or no key in the environment.
    """

    def __init__(self, pool: Pool) -> None:
        import openai

        self._places = {expert.name: resolve(expert) for expert in pool}
        self._clients = {
            e.name: openai.AsyncOpenAI(**client_options(e, self._places[e.name]), http_client=async_client(e.timeout))
            for e in pool
        }
        for client in self._clients.values():
            _ = client.chat.completions  # the SDK loads it at its first use: for seconds, which no request should wait

    async def complete(self, attempt: Attempt, body: Mapping[str, Any]) -> Json:
        """One whole answer.

        Args:
            attempt: Whom to ask, with which output cap, and how long.
            body: As for `/v1/chat/completions`.

        Raises:
            Exception: Whatever the SDK raises.
            BadAnswer: The answer is no chat completion.
        """
        client, kwargs = self._prepared(attempt, body)
        async with asyncio.timeout(attempt.timeout):
            raw = await client.chat.completions.with_raw_response.create(**kwargs)
        answer = raw.http_response.json()
        choices = answer.get("choices") if isinstance(answer, dict) else None
        if not choices or not isinstance(choices[0].get("message"), dict):
            raise BadAnswer(f"Expert {attempt.expert.name!r} answered without a message.")
        return dict(answer)

    async def stream(self, attempt: Attempt, body: Mapping[str, Any]) -> AsyncGenerator[Json, None]:
        """The pieces of a streamed answer as they come. As `complete`."""
        client, kwargs = self._prepared(attempt, body)
        ends = asyncio.get_running_loop().time() + attempt.timeout
        async with asyncio.timeout_at(ends):
            stream: Any = await client.chat.completions.create(**kwargs)
        async with stream:
            while True:
                try:
                    # The limit lies around the waiting only, so that a slow client is not taken for a slow expert.
                    async with asyncio.timeout_at(ends):
                        piece = await anext(stream)
                except StopAsyncIteration:
                    return
                yield piece.to_dict(mode="json", warnings=False)

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.close()

    def _prepared(self, attempt: Attempt, body: Mapping[str, Any]) -> "tuple[AsyncOpenAI, Json]":
        expert = attempt.expert
        kwargs = request_to(expert, self._places[expert.name], body, attempt.max_tokens)
        return self._clients[expert.name], {**kwargs, "timeout": attempt.timeout}
