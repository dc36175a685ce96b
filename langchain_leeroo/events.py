"""`stream_events(version="v3")`: LangChain's typed stream, fed from our own `stream`.

LangChain's base class would call `_stream` under an LLM run of the router's; here the expert has the only LLM run.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator

from langchain_core.language_models._compat_bridge import achunks_to_events, chunks_to_events
from langchain_core.language_models.chat_model_stream import AsyncChatModelStream, ChatModelStream
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from leeroo.endpoints.closing import aclosing
from leeroo.errors import LeerooError


def stream_v3(chunks: Iterator[AIMessageChunk]) -> ChatModelStream:
    """A typed stream that pulls the chunks as its projections are read."""
    stream = ChatModelStream()
    events = chunks_to_events(ChatGenerationChunk(message=chunk) for chunk in chunks)

    def pump() -> bool:
        try:
            event = next(events, None)
        except BaseException as error:
            stream.fail(error)
            return False
        if event is None:
            if not stream.done:
                stream.fail(LeerooError("The expert's stream ended without an answer."))
            return False
        stream.dispatch(event)
        return True

    stream.bind_pump(pump)
    return stream


async def astream_v3(chunks: AsyncIterator[AIMessageChunk]) -> AsyncChatModelStream:
    """A typed stream whose producer starts when it is first read."""
    stream = AsyncChatModelStream()

    async def generations() -> AsyncGenerator[ChatGenerationChunk, None]:
        async for chunk in chunks:
            yield ChatGenerationChunk(message=chunk)

    async def produce() -> None:
        try:
            async with aclosing(chunks), aclosing(generations()) as source:
                async for event in achunks_to_events(source):
                    stream.dispatch(event)
            if not stream.done:
                stream.fail(LeerooError("The expert's stream ended without an answer."))
        except BaseException as error:
            stream.fail(error)
            if isinstance(error, asyncio.CancelledError):
                raise

    async def start() -> None:
        if stream._producer_task is None:
            stream._producer_task = asyncio.get_running_loop().create_task(produce())

    stream.set_start(start)
    return stream
