"""The core's own way to stream an answer: `Streamed`, over any OpenAI-compatible endpoint."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from leeroo.budget import Budget
from leeroo.endpoints import bounded
from leeroo.endpoints.bounded import BadAnswer
from leeroo.endpoints.chat_format import text_of, to_query, usage_of
from leeroo.endpoints.http import tls
from leeroo.endpoints.openai_compatible import client_options, request_to, resolve
from leeroo.endpoints.pieces import Json, Pieces
from leeroo.endpoints.worth import BROKEN_OFF
from leeroo.routing.answers import useless
from leeroo.routing.attempt import Attempt, Usage
from leeroo.routing.router import Router
from leeroo.routing.written import Written


@dataclass
class _Received:
    """What has arrived of an answer.

    Attributes:
        written: All that was written, reasoning included.
        reported: The usage that the endpoint reports.
        service: The service tier that it says has served.
        finished: Whether the endpoint said that the answer is whole.
        reason: Why it ended.
        said: Whether anything of it was for the reader.
        was_cut: Whether it was ended here, because it went on past its cap.
    """

    written: Written = field(default_factory=lambda: Written(token_a_piece=True))
    reported: dict[str, Any] | None = None
    service: Any = None
    finished: bool = False
    reason: str | None = None
    said: bool = False
    was_cut: bool = False


class Streamed:
    """One request through the router; iterate once for the pieces of its answer.

    Closed before its end, the call settles what had arrived and tries nobody else.

    Args:
        router: The router.
        messages: Chat messages with `role` and `content`.
        budget: The call's own budget.
        max_tokens: Output cap.

    Attributes:
        record: The call's record, None until the call is over.
    """

    def __init__(
        self,
        router: Router,
        messages: Sequence[dict[str, Any]],
        budget: Budget | None = None,
        *,
        max_tokens: int | None = None,
    ) -> None:
        self._router = router
        self._messages = list(messages)
        self._budget = budget
        self._max_tokens = max_tokens
        self.record: dict[str, Any] | None = None

    def __iter__(self) -> Iterator[str]:
        """The pieces as they come.

        Raises:
            LeerooError: No expert may or can answer, or one failed after its answer had begun.
        """
        body = {"messages": self._messages, "max_tokens": self._max_tokens, "stream": True}
        query = to_query(body, self._router)
        sent = f"{query.prompt}\n{query.rest}"
        with self._router.open(query, self._budget) as call:
            try:
                for attempt in call.attempts():
                    received = _Received()
                    try:
                        yield from _pieces(attempt, self._messages, received)
                    except Exception as error:
                        so_far = _usage(received, sent, attempt) if received.written.pieces else None
                        attempt.failed(error, received=so_far)
                        continue
                    except BaseException:  # the reader has gone, or was interrupted
                        attempt.cancelled(_usage(received, sent, attempt))
                        raise
                    usage, wrong = _usage(received, sent, attempt), useless(received.reason, visible=received.said)
                    if (found := call.acceptance.rejects(attempt, wrong)) is not None:
                        attempt.failed(found, used=usage)
                        continue
                    attempt.succeeded(usage)
                    return
                raise call.exhausted()
            finally:
                self.record = call.finish()


def _pieces(attempt: Attempt, messages: Sequence[dict[str, Any]], received: _Received) -> Iterator[str]:
    import openai

    expert = attempt.expert
    place = resolve(expert)
    request = request_to(expert, place, {"messages": list(messages), "stream": True}, attempt.max_tokens)
    deadline = time.monotonic() + attempt.timeout
    http = openai.DefaultHttpxClient(verify=tls(), follow_redirects=False, event_hooks=bounded.hooks())
    with (
        openai.OpenAI(**client_options(expert, place), timeout=attempt.timeout, http_client=http) as client,
        client.chat.completions.with_streaming_response.create(**request) as response,
    ):
        for piece in _read(response.iter_bytes(), expert.name, deadline):
            received.service = piece.get("service_tier") or received.service
            choices = piece.get("choices") or []
            if piece.get("usage") is not None:
                received.reported = piece["usage"]
                # Some leave the finish reason out.
                received.finished |= not choices and bool(received.written.text)
            for choice in choices[:1]:
                if choice.get("finish_reason") == "error":
                    raise BadAnswer(BROKEN_OFF.format(expert.name))
                received.reason = choice.get("finish_reason") or received.reason
                received.finished |= choice.get("finish_reason") is not None
                delta = choice.get("delta") or {}
                content = delta.get("content")
                content = content if isinstance(content, str) else ""
                received.said |= bool(content.strip() or delta.get("tool_calls"))
                text = text_of(delta)
                if text:
                    attempt.first_token()
                    received.written.add(text)
                if content:
                    yield content
            if received.written.passes(attempt):
                received.was_cut = True
                break
    if not (received.finished or received.was_cut):
        raise BadAnswer(f"The stream of expert {expert.name!r} ended before its answer did.")


def _read(came: Iterator[bytes], expert: str, deadline: float) -> Iterator[Json]:
    """The pieces that bytes hold.

    Raises:
        TimeoutError: The deadline has passed; the HTTP client's own time begins anew with every packet.
    """
    pieces = Pieces(expert)
    for data in came:
        yield from pieces.take(data)
        if pieces.ended:
            return
        if time.monotonic() > deadline:
            raise TimeoutError
    yield from pieces.end()


def _usage(received: _Received, prompt: str, attempt: Attempt) -> Usage:
    if received.was_cut:
        return received.written.usage(attempt)
    sent = attempt.candidate.input_upper
    return usage_of(received.reported, prompt, received.written.text, attempt.expert, received.service, sent=sent)
