"""The core's own way to run an expert: the openai SDK for any OpenAI-compatible endpoint. No framework needed."""

import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from leeroo.budget import Budget
from leeroo.consult.equivalence import Reply
from leeroo.consult.logprobs import logprob_of
from leeroo.consult.settings import Consulting
from leeroo.endpoints import bounded
from leeroo.endpoints.asking_logprobs import with_logprobs
from leeroo.endpoints.bounded import BadAnswer as BadAnswer
from leeroo.endpoints.chat_format import CAPS, to_query, usage_of
from leeroo.endpoints.consulted import consulted
from leeroo.endpoints.http import tls
from leeroo.endpoints.marks import marked, understood
from leeroo.endpoints.parameters import cap_name, taken, with_tools
from leeroo.endpoints.providers import PROVIDERS
from leeroo.endpoints.racing import first_answer, run_here
from leeroo.endpoints.signatures import signed
from leeroo.endpoints.tool_ids import readable_ids
from leeroo.endpoints.worth import wrong_with
from leeroo.errors import ConfigError, did_you_mean
from leeroo.pool.caching import mark, setting_of
from leeroo.pool.experts import Expert
from leeroo.pool.extras import cache_writes
from leeroo.pool.forwarded import everything
from leeroo.pool.places import provider_of_host
from leeroo.routing.answers import UselessAnswer
from leeroo.routing.attempt import Attempt, Usage
from leeroo.routing.call import Call
from leeroo.routing.consulting import Consultation, consultation
from leeroo.routing.judged import Comparison
from leeroo.routing.router import Router

NO_KEY = "none"
"""Sent where an endpoint wants no key: the SDK refuses to send nothing."""


@dataclass(frozen=True)
class Endpoint:
    """Where an expert is reached.

    Attributes:
        model: The model's name there.
        base_url: None for OpenAI's own.
        api_key: The key, `NO_KEY` where none is wanted.
    """

    model: str
    base_url: str | None
    api_key: str

    def __repr__(self) -> str:
        return f"Endpoint(model={self.model!r}, base_url={self.base_url!r})"


def resolve(expert: Expert) -> Endpoint:
    """Where an expert is reached, its key read from the environment now.

    A provider's key goes to hosts of that provider only: elsewhere only the key that `api_key_env` names is sent.

    Raises:
        ConfigError: The model is an object of a framework, its provider has no known endpoint, or its key is not set.
    """
    if not isinstance(expert.model, str):
        kind = type(expert.model).__name__
        raise ConfigError(
            f"Expert {expert.name!r} is a {kind} object; name its model as 'provider:model' to run it here."
        )
    base_url = expert.base_url
    if base_url is None:
        known = PROVIDERS.get(expert.provider or "openai", ("", ""))
        prefix, colon, _ = expert.model_id.partition(":")
        if known[0] == "" or (expert.provider is None and colon and prefix != "ft"):
            named, near = expert.provider or prefix, "" if expert.provider else did_you_mean(prefix, PROVIDERS)
            raise ConfigError(f"Expert {expert.name!r}: provider {named!r} has no known endpoint; give base_url.{near}")
        base_url = known[0]
    variable = key_variable(expert)
    if variable is not None:
        expert = expert.model_copy(update={"api_key_env": variable})
    return Endpoint(expert.model_id, base_url, expert.api_key() or NO_KEY)


def key_variable(expert: Expert) -> str | None:
    """The environment variable whose key is sent to an expert's endpoint; None where no key is sent.

    The one that `api_key_env` names, else the provider's own where the endpoint is the provider's: at its default
    address, or, over https, at one of its hosts.
    """
    if expert.api_key_env is not None:
        return expert.api_key_env
    if expert.base_url is None:
        return PROVIDERS.get(expert.provider or "openai", (None, ""))[1] or None
    owner = provider_of_host(expert.base_url)
    if owner is None or not expert.base_url.lower().startswith("https://"):
        return None
    return PROVIDERS.get(owner, (None, ""))[1] or None


@dataclass(frozen=True)
class Answer:
    """An answer and how it came about.

    Attributes:
        text: What the expert said.
        record: The call's record.
        seconds: From the question to the answer.
    """

    text: str
    record: dict[str, Any]
    seconds: float


def ask(
    router: Router,
    messages: str | Sequence[dict[str, str]],
    budget: Budget | None = None,
    *,
    max_tokens: int | None = None,
    hedge: bool = False,
    consulting: Consulting | None = None,
) -> Answer:
    """Send one request through the router with the openai SDK.

    Args:
        router: The router.
        messages: A question, or chat messages with `role` and `content`.
        budget: The call's own budget.
        max_tokens: Output cap.
        hedge: Whether the next expert is asked, too, when the first takes longer than its 95th percentile; both are
            paid for, and the budget must allow it.
        consulting: How answers are compared and checked where the budget lets several experts be asked (`consult`).

    Raises:
        BudgetExceeded: No expert's worst case fits.
        ExpertsFailed: No expert answered; the record is on the error.
    """
    began = time.perf_counter()
    chat = [{"role": "user", "content": messages}] if isinstance(messages, str) else list(messages)
    query = to_query({"messages": chat, "max_tokens": max_tokens}, router)
    with router.open(query, budget) as call:
        said = run_here(_answer(call, chat, hedge=hedge, consulting=consulting))
        return Answer(said.text, call.finish(), time.perf_counter() - began)


class _Said(NamedTuple):
    """An answer as it is compared, and what makes it one of no use."""

    reply: Reply
    wrong: UselessAnswer | None


async def _answer(call: Call, chat: Sequence[dict[str, str]], *, hedge: bool, consulting: Consulting | None) -> Reply:
    sent = f"{call.query.prompt}\n{call.query.rest}"

    def ask_one(attempt: Attempt) -> Awaitable[tuple[_Said, Usage]]:
        return _acomplete(attempt, chat, sent)

    async def judge(comparison: Comparison) -> tuple[str, Usage]:
        said, usage = await _acomplete(comparison.attempt, comparison.messages, comparison.query.prompt)
        return said.reply.text, usage

    several: Consultation[_Said] | None = consultation(call, consulting)
    if several is not None:

        async def ask_for_more(attempt: Attempt) -> tuple[_Said, Usage]:
            one = partial(_acomplete, attempt, chat, sent, call.query.text)
            return await with_logprobs(several.logprobs.known, attempt.expert, one)

        accepted = await consulted(several, ask_for_more, lambda said: said.reply, judge=judge)
        if accepted is not None:
            return accepted.reply
    taken_as_it_is = await first_answer(call, ask_one, hedge=hedge, wrong=lambda said: said.wrong)
    return taken_as_it_is.reply


def complete(
    expert: Expert,
    chat: Sequence[dict[str, str]],
    *,
    attempt: Attempt | None = None,
    prompt: str = "",
    max_tokens: int | None = None,
) -> tuple[str, Usage]:
    """Run one expert once, without retries.

    Args:
        expert: Whom to ask.
        chat: Chat messages with `role` and `content`.
        attempt: Where the output cap and the time limit come from.
        prompt: The text of the messages, to estimate usage from where the endpoint reports none.
        max_tokens: Output cap where there is no attempt.

    Returns:
        The answer's text, and the usage.
    """
    import openai

    place = resolve(expert)
    cap = max_tokens if attempt is None else attempt.max_tokens
    timeout = expert.timeout if attempt is None else attempt.timeout
    http = openai.DefaultHttpxClient(verify=tls(), follow_redirects=False, event_hooks=bounded.hooks())
    with openai.OpenAI(**client_options(expert, place), timeout=timeout, http_client=http) as client:
        answer = client.chat.completions.create(**request_to(expert, place, {"messages": list(chat)}, cap))
    said, usage = _read(answer, prompt, expert)
    return said.reply.text, usage


async def _acomplete(
    attempt: Attempt,
    chat: Sequence[dict[str, str]],
    prompt: str,
    question: str = "",
    more: Mapping[str, Any] | None = None,
) -> tuple[_Said, Usage]:
    import openai

    expert = attempt.expert
    place = resolve(expert)
    http = openai.DefaultAsyncHttpxClient(verify=tls(), follow_redirects=False, event_hooks=bounded.async_hooks())
    async with openai.AsyncOpenAI(**client_options(expert, place), timeout=attempt.timeout, http_client=http) as client:
        request = request_to(expert, place, {"messages": list(chat), **(more or {})}, attempt.max_tokens)
        answer = await client.chat.completions.create(**request)
    return _read(answer, prompt, expert, attempt.candidate.input_upper, question)


def _read(answer: Any, prompt: str, expert: Expert, sent: int | None = None, question: str = "") -> tuple[_Said, Usage]:
    """The text and the usage of a chat completion.

    Raises:
        BadAnswer: It is none, or was broken off.
    """
    if not getattr(answer, "choices", None):
        raise BadAnswer(f"Expert {expert.name!r} answered without choices.")
    content = answer.choices[0].message.content or ""
    text = content if isinstance(content, str) else everything(content)  # some answer in parts
    reported = answer.usage.to_dict(warnings=False) if hasattr(answer.usage, "to_dict") else answer.usage
    choice = answer.choices[0].to_dict(warnings=False)
    wrong = wrong_with(choice, expert.name)
    cut = choice.get("finish_reason") == "length" or wrong is not None
    said = _Said(Reply(text, truncated=cut, logprob=logprob_of(choice, text, question)), wrong)
    return said, usage_of(reported, prompt, text, expert, getattr(answer, "service_tier", None), sent=sent)


def client_options(expert: Expert, place: Endpoint) -> dict[str, Any]:
    """What an openai client for an expert is made with. It makes no retries: the router's budget counts attempts."""
    return {
        "api_key": place.api_key,
        "base_url": place.base_url,
        "default_headers": expert.headers or None,
        "max_retries": 0,
    }


def request_to(expert: Expert, place: Endpoint, body: Mapping[str, Any], max_tokens: int | None) -> dict[str, Any]:
    """A chat request as one expert gets it: kwargs of the SDK's `chat.completions.create`.

    Args:
        expert: Who is asked.
        place: Where it is reached.
        body: As for `/v1/chat/completions`. What the SDK has no name for is sent all the same; what the model is known
            to refuse is not.
        max_tokens: Output cap in place of the body's own, None for none.
    """
    rest = {key: value for key, value in body.items() if value is not None and key not in (*CAPS, *_NAMED)}
    if expert.stop:
        given = rest.get("stop") or ()
        rest["stop"] = [*([given] if isinstance(given, str) else given), *expert.stop]
    rest = with_tools(place.model, place.base_url, taken(expert, rest, place.base_url))
    history = signed(place.base_url, place.model, readable_ids(place.base_url, body["messages"]))
    messages, tools = understood(place.base_url, history, rest.get("tools"))
    kept = setting_of(expert)
    if kept is not None and cache_writes(body) is None:
        messages = marked(messages, mark(kept))
    if tools is not None:
        rest["tools"] = tools
    if max_tokens is not None:
        rest[cap_name(place.base_url)] = max_tokens
    if body.get("stream"):
        rest["stream_options"] = {"include_usage": True}
    # The SDK looks into each message that it is given, for longer than all else takes together; what lies in the extra
    # body it sends as it is, in place of its own.
    return {
        "model": place.model,
        "messages": [],
        **({"stream": True} if body.get("stream") else {}),
        "extra_body": {"messages": messages, **rest},
    }


_NAMED = ("model", "messages", "stream", "stream_options")
