"""OpenAI's chat format: from the body of a request to a `Query`, and from an answer to `Usage`."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from leeroo.conversation import Role, Turn, scored_text, tool_names
from leeroo.errors import InvalidRequest
from leeroo.pool.experts import Expert
from leeroo.pool.extras import cache_writes, sampling_of, searches, service_of, unpriced
from leeroo.pool.forwarded import everything, medium_of
from leeroo.pool.kinds import PLAIN, kinds_of
from leeroo.pool.media import measure
from leeroo.pool.tokens import count_text
from leeroo.query import Capability, Query
from leeroo.routing.router import Router
from leeroo.routing.usage import Claim, Usage, read_usage

Json = dict[str, Any]
CAPS = ("max_tokens", "max_completion_tokens")

_COUNTED = ("tools", "functions", "response_format")
"""What is text of the prompt beside the messages."""
_PLAIN = frozenset({"model", "messages", "stream", "stream_options", *CAPS, *_COUNTED})
_ANTHROPICS = ("cache_read_input_tokens", "cache_creation_input_tokens")
_CALLS = ("tool_calls", "function_call")
_TEXTS = frozenset({"text", "input_text", "output_text", "refusal"})
_SPEAKERS: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}


def to_query(body: Mapping[str, Any], router: Router) -> Query:
    """What the router sees of a request.

    Args:
        body: As for `/v1/chat/completions`.
        router: Whose memory of tool calls says which expert a tool loop belongs to.

    Raises:
        InvalidRequest: There are no messages, nothing in them, or a cap that is no number of tokens.
    """
    messages: Sequence[Mapping[str, Any]] = body["messages"]
    texts: list[str] = []
    rest: list[str] = []
    media: list[Mapping[str, Any]] = []
    for message in messages:
        said, beside = read_message(message, media)
        texts += said
        rest += beside
    said_something = any(text.strip() for text in texts)
    schemas = [json.dumps(body[key]) for key in _COUNTED if body.get(key)]
    rest.append(everything({key: value for key, value in body.items() if key not in _PLAIN and not _is_figure(value)}))
    tied = _sticky(messages, router)
    caps = [body[key] for key in CAPS if body.get(key) is not None]
    return Query(
        text=scored_text(messages, _turn, tools=tool_names(_tools(body)), tied=tied is not None),
        # Schemas count as input, but alone they are nothing to answer.
        prompt="\n".join([*texts, *schemas]) if said_something or media else "",
        rest="\n".join(filter(None, rest)),
        messages=len(messages),
        media=len(media),
        attachments=tuple(measure(part) for part in media),
        unpriced=unpriced(body),
        needs=_needs(body, media),
        max_tokens=min(caps) if caps else None,
        cache_writes=cache_writes(body),
        searches=searches(body),
        service=service_of(body),
        sampling=sampling_of(body),
        sticky=tied,
    )


def _tools(body: Mapping[str, Any]) -> Iterator[Any]:
    for key in ("tools", "functions"):
        given = body.get(key)
        if isinstance(given, Sequence) and not isinstance(given, str):
            yield from given


def _needs(body: Mapping[str, Any], media: Iterable[Mapping[str, Any]]) -> frozenset[Capability]:
    needs = {need for part in media if (need := medium_of(part)) is not None}
    if body.get("tools") or body.get("functions"):
        needs.add("tools")
    if (body.get("response_format") or {}).get("type", "text") != "text":
        needs.add("structured_output")
    if body.get("stream"):
        needs.add("streaming")
    return frozenset(needs)


def _is_figure(value: Any) -> bool:
    """Whether a parameter is a plain number or switch, such as `temperature`: no prompt fits into one."""
    return value is None or (isinstance(value, (bool, int, float)) and abs(value) < 1e15)


def read_message(message: Mapping[str, Any], media: list[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """The texts of a message, and all else that is sent with it; media are added to `media`.

    Raises:
        InvalidRequest: A part of its content is no object.
    """
    texts, rest = [], []
    for part in _parts(message):
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(text := part.get("text", part.get("refusal")), str) and medium_of(part) is None:
            texts.append(text)
            known = part.get("type") in _TEXTS
            rest.append(everything(part, but=("text" if "text" in part else "refusal", "type" if known else ""),
                                   media=media))  # fmt: skip
        elif medium_of(part) is not None:
            rest.append(everything([part], media=media))
        else:
            # What kind of part that is only the expert knows; it is text to be counted.
            texts.append(everything(part, media=media))
    texts += [json.dumps(message[key]) for key in _CALLS if message.get(key)]
    role = ("role",) if message.get("role") in _SPEAKERS else ()
    rest.append(everything(message, but=("content", *_CALLS, *role), media=media))
    return texts, rest


def usage_of(
    reported: Any, prompt: str, answer: str, expert: Expert, service: Any = None, *, sent: int | None = None
) -> Usage:
    """What an answer used: as reported where that can be right, else counted here and marked as an estimate.

    Args:
        reported: The answer's `usage`, as it came.
        prompt: Text of the request.
        answer: Text of the answer, tool calls included, or as much of it as arrived.
        expert: Who answered.
        service: The answer's `service_tier`, where it has one.
        sent: Upper bound of the input tokens, where it is known.
    """
    usage = read_usage(
        claim_of(reported),
        lambda: Usage(count_text(prompt, expert), count_text(answer, expert)),
        sent=sent,
        expert=expert.name,
    )
    kinds = kinds_of(reported, service)
    return usage if kinds == PLAIN else replace(usage, kinds=kinds)


def claim_of(reported: Any) -> Claim | None:
    """The numbers of a `usage` in OpenAI's format; None where it is none."""
    if not isinstance(reported, Mapping):
        return None

    def within(name: str) -> Mapping[str, Any]:
        found = reported.get(name)
        return found if isinstance(found, Mapping) else {}

    taken, total = reported.get("prompt_tokens"), reported.get("total_tokens")
    cached = within("prompt_tokens_details").get("cached_tokens")
    if not cached:  # DeepSeek's name, and Anthropic's, which gateways keep
        cached = reported.get("prompt_cache_hit_tokens") or reported.get("cache_read_input_tokens") or cached
        beside = [n for name in _ANTHROPICS if type(n := reported.get(name)) is int and n > 0]
        if type(taken) is int and sum(beside) > taken:  # and then, as Anthropic has it, they are not in the input
            taken, total = taken + sum(beside), None
    return Claim(
        input=taken,
        output=reported.get("completion_tokens"),
        total=total,
        reasoning=within("completion_tokens_details").get("reasoning_tokens"),
        cached=cached,
    )


def text_of(message: Mapping[str, Any]) -> str:
    """All that an expert wrote in a message or in a piece of one, tool calls and shown reasoning included."""
    texts = [message.get(key) for key in ("content", "refusal", "reasoning_content", "reasoning")]
    for call in tool_calls(message):
        for kind, said in (("function", "arguments"), ("custom", "input")):
            if isinstance(called := call.get(kind), Mapping):
                texts += [called.get("name"), called.get(said)]
    return "".join(text if isinstance(text, str) else everything(text) for text in texts if text is not None)


def tool_call_ids(messages: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Ids of the tool calls in an answer, or in the pieces of one."""
    found = (call.get("id") for message in messages for call in tool_calls(message))
    return tuple(call_id for call_id in found if call_id and isinstance(call_id, str))


def tool_calls(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The tool calls of an answer, or of a piece of one; what stands among them and is none is passed over."""
    calls = message.get("tool_calls")
    return [call for call in calls if isinstance(call, Mapping)] if isinstance(calls, list) else []


def _parts(message: Mapping[str, Any]) -> Iterator[str | Mapping[str, Any]]:
    content = message.get("content")
    if isinstance(content, str):
        yield content
        return
    for part in content or ():
        if not isinstance(part, Mapping):
            raise InvalidRequest("A part of a message's content is no object; give {'type': 'text', 'text': '...'}.")
        yield part


def _text(part: str | Mapping[str, Any]) -> str:
    if isinstance(part, str):
        return part
    text = "" if medium_of(part) else part.get("text", part.get("refusal"))
    return text if isinstance(text, str) else everything(part, media=[])


def _turn(message: Mapping[str, Any]) -> Turn:
    said = "\n".join(text for part in _parts(message) if (text := _text(part)))
    return Turn(_SPEAKERS.get(str(message.get("role")), "assistant"), said)


def _sticky(messages: Sequence[Mapping[str, Any]], router: Router) -> str | None:
    """Who made the tool calls that the newest messages answer; None where the user has the word."""
    for message in reversed(messages):
        if message.get("role") != "tool":
            return None
        maker = router.expert_of_tool_call(str(message.get("tool_call_id")))
        if maker is not None:
            return maker
    return None
