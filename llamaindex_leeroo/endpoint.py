"""The LLM of an expert that a pool names by its model: LlamaIndex's client of OpenAI-compatible endpoints.

Imported at first use: the integration is an extra, and takes a second to load.
"""

from typing import Any
from urllib.parse import urlsplit

from llama_index.core.constants import DEFAULT_CONTEXT_WINDOW
from llama_index.llms.openai_like import OpenAILike  # type: ignore[import-untyped]

from leeroo import Expert
from leeroo.endpoints.openai_compatible import resolve
from leeroo.endpoints.parameters import with_tools
from leeroo.endpoints.transport import async_client, sync_client
from llamaindex_leeroo.parameters import is_reasoning, taken

OPENAI = "api.openai.com"


class EndpointLLM(OpenAILike):  # type: ignore[misc]
    """Sends what somebody has set and no temperature of its own, in the words that the model takes."""

    def _get_model_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        sent: dict[str, Any] = super()._get_model_kwargs(**kwargs)
        if "temperature" not in kwargs:
            sent.pop("temperature", None)
        # OpenAI's newer models know the second name only, other servers often the first only.
        if "max_tokens" in sent and (is_reasoning(self.model) or urlsplit(self.api_base).hostname == OPENAI):
            sent["max_completion_tokens"] = sent.pop("max_tokens")
        return with_tools(self.model, self.api_base, taken(sent, self.model))


def endpoint_llm(expert: Expert) -> EndpointLLM:
    """The client of an expert's endpoint.

    Raises:
        ConfigError: The environment variable of its key is not set, or its provider has no known endpoint.
    """
    place = resolve(expert)
    return EndpointLLM(
        model=place.model,
        api_base=place.base_url,
        api_key=place.api_key,
        is_chat_model=True,
        is_function_calling_model="tools" in expert.capabilities,
        should_use_structured_outputs="structured_output" in expert.capabilities,
        context_window=expert.context_window or DEFAULT_CONTEXT_WINDOW,
        max_retries=0,
        timeout=expert.timeout,
        default_headers=expert.headers or None,
        http_client=sync_client(expert.timeout),
        async_http_client=async_client(expert.timeout),
        additional_kwargs={"stop": list(expert.stop)} if expert.stop else {},
    )
