"""The loan of an expert's LLM to one attempt."""

from functools import lru_cache
from typing import Any

from llama_index.core.callbacks import CallbackManager
from llama_index.core.llms import LLM

from llamaindex_leeroo.caps import cap_field, lowered


class Loan:
    """An LLM lent to one attempt: a light copy with the attempt's limits and callbacks.

    The user's object is never changed, so that calls at the same time do not meet. The copy shares its private state
    (clients made at first use stay for the next call), and what the LLM writes to its own fields is written back.

    Attributes:
        llm: The copy.

    Args:
        lender: The expert's LLM.
        manager: The callback manager to use, None for the LLM's own.
        system_prompt: Used where the LLM has none of its own.
        max_tokens: Output cap; the LLM's own holds where it is lower.
        timeout: Seconds.
    """

    __slots__ = ("_before", "_lender", "_update", "llm")

    def __init__(
        self,
        lender: LLM,
        *,
        manager: CallbackManager | None,
        system_prompt: str | None,
        max_tokens: int | None,
        timeout: float,
    ) -> None:
        update: dict[str, Any] = {}
        if manager is not None:
            update["callback_manager"] = manager
        if system_prompt and not lender.system_prompt:
            update["system_prompt"] = system_prompt
        field = cap_field(type(lender)) if max_tokens is not None else None
        if field is not None and max_tokens is not None:
            update[field] = min(max_tokens, getattr(lender, field) or max_tokens)
        if "max_retries" in vars(lender):
            update["max_retries"] = 0
        if is_openai_family(type(lender)):
            own: dict[str, Any] = lender.additional_kwargs  # type: ignore[attr-defined]
            extra = {"timeout": timeout, "stream_options": {"include_usage": True}}
            update["additional_kwargs"] = {**extra, **lowered(own, max_tokens)}
        self._lender = lender
        self._update = update
        self._before = dict(lender.__dict__)
        # What model_copy does, but with the private state shared and not copied.
        self.llm: LLM = object.__new__(type(lender))
        object.__setattr__(self.llm, "__dict__", {**self._before, **update})
        for name in ("__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__"):
            object.__setattr__(self.llm, name, getattr(lender, name))

    def close(self) -> None:
        """Take the LLM back."""
        before = self._before
        for name, value in self.llm.__dict__.items():
            if value is not before.get(name) and name not in self._update:
                self._lender.__dict__[name] = value


@lru_cache(maxsize=256)
def is_openai_family(kind: type[LLM]) -> bool:
    """Whether an LLM is LlamaIndex's OpenAI or derived from it, told without importing that package."""
    return any(c.__name__ == "OpenAI" and c.__module__.startswith("llama_index.llms.openai") for c in kind.__mro__)
