"""Log-probabilities that a consultation asks for on its own account: of whom, and kept from the caller's answer."""

from collections.abc import Mapping
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from langchain_leeroo.experts import asks_responses, is_openai

NAME = "logprobs"
_OWN = ("model_kwargs", "extra_body")


def may_ask(model: BaseChatModel, kwargs: Mapping[str, Any]) -> bool:
    """Whether a model takes `logprobs=True`, and nobody has said whether it is to give them.

    The models of langchain-openai take it and show what comes in `response_metadata["logprobs"]`, except where they ask
    OpenAI's responses. Of others it is not known what they make of it; what they give by their own settings is read.

    Args:
        model: The expert's model.
        kwargs: What it is called with.
    """
    if not is_openai(model) or asks_responses(model, kwargs):
        return False
    places = (kwargs, kwargs.get("extra_body"), vars(model), *(getattr(model, name, None) for name in _OWN))
    return all(place.get(NAME) is None for place in places if isinstance(place, Mapping))


def without(output: Any) -> Any:
    """An answer without what its caller has not asked for; a structured one is a mapping with its `raw` message."""
    if isinstance(output, dict):
        return {**output, "raw": without(output.get("raw"))}
    if not isinstance(output, BaseMessage) or NAME not in output.response_metadata:
        return output
    # A copy, for the expert's cache and tracers hold the original.
    return output.model_copy(update={"response_metadata": {**output.response_metadata, NAME: None}})
