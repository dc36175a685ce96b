"""Which parameters a model takes: OpenAI's reasoning models refuse those of sampling."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

NOT_TAKEN = frozenset(
    {"temperature", "top_p", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs", "stop"}
)
"""What reasoning models refuse: https://platform.openai.com/docs/guides/reasoning."""
_REASONING = re.compile(r"(?:.*[/:])?(?:o[1-9]|gpt-[5-9])(?![^-.])(?!.*chat).*")


@lru_cache(maxsize=1024)
def is_reasoning(model: str) -> bool:
    """Whether a name is of one of OpenAI's reasoning models, wherever it is served; their chat variants are none."""
    return _REASONING.fullmatch(model) is not None


def taken(kwargs: Mapping[str, Any], model: Any) -> dict[str, Any]:
    """The kwargs that a model takes, of those that are meant for any expert."""
    if not (isinstance(model, str) and is_reasoning(model)):
        return dict(kwargs)
    return {name: value for name, value in kwargs.items() if name not in NOT_TAKEN}
