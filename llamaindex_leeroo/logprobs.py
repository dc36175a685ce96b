"""Log-probabilities that a consultation asks for on its own account: of whom, read, and kept from the caller."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatResponse, CompletionResponse
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.llms import LLM

from leeroo.pool.extras import BODY
from llamaindex_leeroo import parameters
from llamaindex_leeroo.answers import choices_of, part_of
from llamaindex_leeroo.lending import is_openai_family

NAME = "logprobs"


def may_ask(llm: LLM, kwargs: Mapping[str, Any]) -> bool:
    """Whether an LLM takes `logprobs=True`, and nobody has said whether it is to give them.

    LlamaIndex's OpenAI and its kin take it for chats; for completions the parameter is a number. What other LLMs make
    of it is not known; what they give by their own settings is read.

    Args:
        llm: The expert's.
        kwargs: What it is called with.
    """
    if not is_openai_family(type(llm)) or not llm.metadata.is_chat_model or "use_chat_completions" in kwargs:
        return False
    own = getattr(llm, "additional_kwargs", None)
    places = [kwargs, vars(llm), own if isinstance(own, Mapping) else {}]
    places += [inner for place in places if isinstance(inner := place.get(BODY), Mapping)]
    silent = all(place.get(NAME) is None for place in places)
    return silent and NAME in parameters.taken({NAME: True}, getattr(llm, "model", None))


def tokens_of(pieces: Sequence[Any]) -> list[dict[str, Any]]:
    """The tokens of an answer with their log-probabilities, as OpenAI has them; none where nothing says any.

    Args:
        pieces: The pieces of a stream, or the whole answer alone.
    """
    found = [token for piece in pieces for token in _reported(getattr(piece, "raw", None))]
    return found or (list(_converted(pieces[-1])) if pieces else [])


def _reported(raw: Any) -> Iterator[dict[str, Any]]:
    """What an endpoint has said; LlamaIndex's own form has only tokens that were asked for with `top_logprobs`."""
    for choice in choices_of(raw):
        content = part_of(part_of(choice, NAME), "content")
        for token in content if isinstance(content, (list, tuple)) else ():
            yield {"token": part_of(token, "token"), "logprob": part_of(token, "logprob")}


def _converted(answer: Any) -> Iterator[dict[str, Any]]:
    """What LlamaIndex shows in `logprobs`: of every place the likeliest tokens, of which one was written."""
    shown = getattr(answer, NAME, None)
    left = answer.message.content if isinstance(answer, ChatResponse) else getattr(answer, "text", None)
    for likeliest in shown if isinstance(shown, (list, tuple)) else ():
        written = next((one for one in likeliest if one.token and (left or "").startswith(one.token)), None)
        if written is None:
            return
        left = (left or "")[len(written.token) :]
        yield {"token": written.token, "logprob": written.logprob}


def without(item: Any) -> Any:
    """An answer, or a piece of one, without what its caller has not asked for."""
    if not isinstance(item, (ChatResponse, CompletionResponse)):
        return item
    return item.model_copy(update={NAME: None, "raw": _silent(item.raw)})


def _silent(raw: Any) -> Any:
    """A copy without: events have the original."""
    choices = part_of(raw, "choices")
    if not isinstance(choices, list) or not any(part_of(choice, NAME) for choice in choices):
        return raw
    if isinstance(raw, Mapping):
        return {**raw, "choices": [{**choice, NAME: None} for choice in choices]}
    if isinstance(raw, BaseModel):
        return raw.model_copy(update={"choices": [choice.model_copy(update={NAME: None}) for choice in choices]})
    return raw
