"""`ChatLeeroo`: a LangChain chat model that sends each call to the cheapest adequate expert within its budget."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import merge_configs
from langchain_core.tools import BaseTool

from langchain_leeroo.binding import LeerooBinding
from langchain_leeroo.calling import RoutedChatModel
from langchain_leeroo.messages import RawTools
from langchain_leeroo.selector import Selector
from langchain_leeroo.structured import StructuredOutput
from leeroo.budget import BUDGET_KWARGS, NOTHING_SET, Budget, split_kwargs
from leeroo.errors import MissingDependency


class ChatLeeroo(RoutedChatModel):
    """A chat model that sends each call to the cheapest adequate expert within its budget.

    A predictor estimates how well each expert would answer, the selector takes the cheapest that is good enough and
    whose worst case fits the budget, and the expert itself is called: its own `invoke`, `stream`, `bind_tools` and
    `with_structured_output`. What any chat model does, this one does; the record of the choice is on the answer.

    Setup:
        ```bash
        pip install 'leeroo[langchain]'
        export OPENAI_API_KEY="your-key"  # or whatever the experts need
        ```

    Key init args:
        experts: Experts by name: a chat model, a `leeroo.Expert`, or a mapping of an expert's fields.
        reference: The expert that `saved` is measured against; the dearest when absent.
        max_cost: USD, hard cap of one call with all its fallbacks.
        min_quality, tolerance, willingness_to_pay: The rule of choice; one of them. Default: `tolerance=0.02`.
        max_latency: Seconds; slower experts are not eligible, and it is the call's deadline.
        scope: Ledger account charged.
        expert: Pin the expert of this name.
        temperature, top_p, max_tokens, stop, timeout, model_kwargs: Sent to the expert when set.
        max_retries: Most further attempts when the first fails, at other experts or, after a wait, at one that failed.
        on_empty: "next" (ask another expert where an answer is empty, withheld or unparsable) or "accept".
        streaming: Have `invoke` stream inside, so that callbacks see tokens as they come.
        predictor, router: Parts of one's own; see `leeroo.Router`.

        The parameters of every LangChain chat model (`cache`, `callbacks`, `rate_limiter`, `output_version`, `tags`,
        ...) hold for the experts. Without `cache`, each expert has its own or LangChain's global one; an answer from
        it costs nothing.

    Instantiate:
        ```python
        from langchain_leeroo import ChatLeeroo
        from langchain_openai import ChatOpenAI
        from leeroo import Expert, Price

        llm = ChatLeeroo(
            experts={
                "small": ChatOpenAI(model="gpt-5-nano"),  # priced by its model's name
                "large": ChatOpenAI(model="gpt-5"),
                "local": Expert(
                    model=ChatOpenAI(base_url="http://127.0.0.1:8000/v1", api_key="none", model="my-llm"),
                    price=Price(input=0.02, output=0.04),
                ),
            },
            max_cost=0.01,
        )
        ```

        Or from a pool file; nothing is connected and no key is read before the first call:

        ```python
        llm = ChatLeeroo.from_pool("pool.yaml", tolerance=0.05)
        ```

    Invoke:
        ```python
        llm.invoke("What is the capital of France?")
        llm.invoke("Prove that sqrt(2) is irrational.", max_cost=0.02, min_quality=0.8)
        ```

        Budget kwargs are taken from, nearest first: the call, `bind(...)`, `config={"configurable": {...}}`, the
        ambient `with leeroo.budget(...):`, the constructor. `model="small"` pins an expert by its name or its model.

        A call raises `leeroo.BudgetExceeded` or `leeroo.NoEligibleExpert` before any money is spent,
        `leeroo.ExpertsFailed` when no expert answered, `leeroo.InvalidRequest` for an empty input, and
        `leeroo.ConfigError` for a kwarg that is a near miss of a budget's; the constructor, for bad parameters.

    Stream:
        ```python
        for chunk in llm.stream("Tell me a story."):
            print(chunk.text, end="")
        ```

        Another expert is tried only before the first chunk. A stream that breaks later raises `leeroo.ExpertsFailed`,
        with what had come in `error.received` and its cost in `error.record`.

    Async:
        ```python
        await llm.ainvoke("Hello")
        await llm.abatch(["One question", "Another"], max_total_cost=0.01)
        ```

        With `max_total_cost`, `batch` and `abatch` choose experts for all inputs together and never pass the total.

    Tool calling:
        ```python
        from langchain_core.tools import tool

        @tool
        def add(a: int, b: int) -> int:
            \"\"\"Add two numbers.\"\"\"
            return a + b

        llm.bind_tools([add]).invoke("What is 17 + 25?").tool_calls
        ```

        Only experts that can use tools are eligible. A tool loop stays with the expert that began it; at the next
        human turn the choice is free again, and an expert whose provider has the history cached is priced so.

    Structured output:
        ```python
        from pydantic import BaseModel

        class Joke(BaseModel):
            setup: str
            punchline: str

        llm.with_structured_output(Joke, method="json_schema").invoke("Tell me a joke about cats.")
        ```

    Token usage:
        ```python
        llm.invoke("Hello").usage_metadata  # the expert's own report
        ```

        Where an expert reports none, usage is estimated for the record, and the record says so (`cost_is_estimate`).

    Response metadata:
        ```python
        record = llm.invoke("Hello").response_metadata["leeroo"]
        record["expert"], record["predicted_quality"], record["cost"], record["saved"], record["attempts"]
        ```

        On streams the record is on the last chunk. `leeroo.last_call()` has the newest record as well.
    """

    @classmethod
    def from_pool(cls, source: str | Path | Mapping[str, Any], **kwargs: Any) -> Self:
        """A chat model from a pool file, or from a mapping of the same form.

        Nothing is connected and no key is read until the first call.

        Args:
            source: Path of a YAML file, or the mapping itself.
            **kwargs: Parameters of the class; budget kwargs override the file's `budget`.

        Raises:
            ConfigError: Anything in it that cannot be used, with its place.
        """
        from leeroo.pool.file import read_pool
        from leeroo.routing.router import Router

        file = read_pool(source)
        own = Budget.of({key: kwargs.pop(key) for key in BUDGET_KWARGS if key in kwargs})
        router = Router.from_file(file, predictor=kwargs.get("predictor"), budget=NOTHING_SET)
        return cls(router=router, **own.over(file.budget).to_dict(), **{"reference": file.pool.reference, **kwargs})

    def selector(self, **kwargs: Any) -> Selector:
        """The choice alone, as a Runnable: messages in, the decision's record out, no expert called.

        Args:
            **kwargs: Budget kwargs, `tools` and `max_tokens`, as in a call.
        """
        return Selector(self, **kwargs)

    def decision_model(self, **kwargs: Any) -> Any:
        """The choice as LangChain's `BaseDecisionModel`, for its `ModelRouterMiddleware`.

        Args:
            **kwargs: Budget kwargs.

        Raises:
            MissingDependency: langchain-core is older than 1.8.
        """
        try:
            from langchain_leeroo.decision_model import LeerooDecisionModel
        except ImportError:
            raise MissingDependency("Decision models need langchain-core 1.8: pip install -U langchain-core.") from None
        return LeerooDecisionModel(llm=self, budget=kwargs)

    # Binding

    def bind(self, **kwargs: Any) -> LeerooBinding:
        """Bind call kwargs, budget kwargs among them."""
        return LeerooBinding(bound=self, kwargs=kwargs, config={})

    def with_config(self, config: RunnableConfig | None = None, **kwargs: Any) -> LeerooBinding:
        """Bind a config, `configurable` budget kwargs among it."""
        return LeerooBinding(bound=self, kwargs={}, config=merge_configs(config, RunnableConfig(**kwargs)))  # type: ignore[typeddict-item]

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer tools. They are kept as given, and bound to whichever expert is chosen by its own `bind_tools`.

        Args:
            tools: Tools in any form that LangChain knows.
            tool_choice: As the expert takes it: a tool's name, "any", "auto", "none".
            **kwargs: More arguments of the expert's `bind_tools` (`strict`, `parallel_tool_calls`), and budget kwargs.
        """
        if tool_choice is not None:
            kwargs["tool_choice"] = tool_choice
        return self.bind(tools=RawTools(tools), **kwargs)

    def with_structured_output(
        self, schema: dict[str, Any] | type | None = None, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """Have the answer in a schema's form, by the chosen expert's own `with_structured_output`.

        Args:
            schema: A pydantic class, a `TypedDict`, a JSON schema or an OpenAI tool.
            include_raw: Return `{"raw", "parsed", "parsing_error"}`; the record is on the raw message.
            **kwargs: `method`, `strict` and what else the expert takes, and budget kwargs.
        """
        return self._structured(schema, include_raw=include_raw, options=kwargs)

    def _structured(
        self,
        schema: Any,
        *,
        include_raw: bool,
        options: Mapping[str, Any],
        kwargs: Mapping[str, Any] | None = None,
        config: RunnableConfig | None = None,
    ) -> StructuredOutput:
        budget, rest = split_kwargs(options)
        return StructuredOutput(
            self,
            {"schema": schema, **rest},
            include_raw=include_raw,
            kwargs={**(kwargs or {}), **budget.to_dict()},
            config=config,
        )
