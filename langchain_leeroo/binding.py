"""What `ChatLeeroo.bind` returns: a binding that keeps what was bound when tools or a schema are bound after it."""

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.chat_models import _ChatModelBinding
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool


class LeerooBinding(_ChatModelBinding):  # type: ignore[no-redef]
    """A `RunnableBinding` whose `bind_tools` and `with_structured_output` carry the bound kwargs and config on.

    LangChain's own binding hands these two to the bare model, which would silently drop a bound budget.
    """

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools beside what is bound already."""
        bound: Any = self.bound
        tooled: Any = bound.bind_tools(tools, tool_choice=tool_choice, **{**self.kwargs, **kwargs})
        return type(self)(bound=tooled.bound, kwargs=tooled.kwargs, config=self.config)

    def with_structured_output(
        self, schema: dict[str, Any] | type | None = None, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """Ask for structured output beside what is bound already."""
        bound: Any = self.bound
        return bound._structured(  # type: ignore[no-any-return]
            schema, include_raw=include_raw, options=kwargs, kwargs=dict(self.kwargs), config=self.config
        )
