"""The base of `ChatLeeroo`: its parameters, and what lies between a call and its expert."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, Self, TypeVar

from langchain_core.language_models import BaseChatModel, LangSmithParams, LanguageModelInput
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import ensure_config, merge_configs
from langchain_core.tools import BaseTool
from pydantic import Field, PrivateAttr, model_validator

from langchain_leeroo.experts import adapt, build, limits, profile_of
from langchain_leeroo.messages import RawTools, schema_text, to_query
from langchain_leeroo.requests import Planned, Request
from langchain_leeroo.structured import rebind
from leeroo._version import __version__
from leeroo.budget import BUDGET_KWARGS, NOTHING_SET, Budget, ambient, split_kwargs
from leeroo.errors import ConfigError, InvalidRequest, did_you_mean
from leeroo.pool.experts import Expert
from leeroo.pool.pool import Pool
from leeroo.pool.tokens import count, count_text
from leeroo.query import Capability
from leeroo.routing.attempt import Attempt
from leeroo.routing.call import Call
from leeroo.routing.router import Router

T = TypeVar("T")
_CAPS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_SENT = ("temperature", "top_p", "stop", "max_tokens")
_TRACING_ONLY = ("ls_structured_output_format", "structured_output_format")


class RoutedChatModel(BaseChatModel):
    """The parameters of `ChatLeeroo`, and the way from a call to an expert's own model."""

    experts: dict[str, Any] = Field(default_factory=dict, exclude=True, repr=False)
    """Experts by name: a chat model, a `leeroo.Expert`, or a mapping of an expert's fields."""

    reference: str | None = None
    """The expert that `saved` is measured against; the dearest when absent."""

    max_cost: float | None = None
    """USD, hard cap of one call with all its fallbacks."""

    min_quality: float | None = None
    """0..1; adequate means a predicted quality of at least this."""

    tolerance: float | None = None
    """0..1; adequate means within this of the best eligible expert (the default rule, 0.02)."""

    willingness_to_pay: float | None = None
    """USD that a right answer is worth: the largest quality x this - cost is picked."""

    max_latency: float | None = None
    """Seconds; slower experts are not eligible, and it is the call's deadline."""

    scope: str | None = None
    """Ledger account charged, "acme/team-a"."""

    expert: str | None = None
    """Name of the expert to use, whatever its prediction."""

    consult: bool | None = None
    """Whether a second expert may be asked, where its answer is worth its price."""

    max_calls: int | None = None
    """How many experts one call may ask for their answers; more than 1 turns `consult` on."""

    temperature: float | None = None
    """Sent to the expert when set."""

    top_p: float | None = None
    """Sent to the expert when set."""

    max_tokens: int | None = None
    """Output cap; a budget may lower it further."""

    stop: list[str] | str | None = None
    """Stop sequences, beside an expert's own."""

    timeout: float | None = None
    """Seconds that one attempt may take; an expert's own `timeout` holds too."""

    max_retries: int | None = Field(default=None, ge=0)
    """Most further experts that are tried when the first fails; all that the budget pays for when absent."""

    streaming: bool = False
    """Have `invoke` stream inside, so that callbacks see tokens as they come."""

    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Anything else to send to the expert with every call."""

    predictor: Any = Field(default=None, exclude=True, repr=False)
    """Estimates quality; the predictor that ships with Leeroo when absent, loaded at the first call."""

    router: Router | None = Field(default=None, exclude=True, repr=False)
    """A ready `leeroo.Router`, to share its ledger, health and memory; made from `experts` when absent."""

    _models: dict[str, BaseChatModel] = PrivateAttr(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _check_given(cls, given: Any) -> Any:
        """Refuse what would be silently ignored, and build the router before pydantic coerces anything."""
        if not isinstance(given, dict):
            return given
        for key in given:
            if key not in cls.model_fields:
                raise ConfigError(f"ChatLeeroo has no parameter {key!r}.{did_you_mean(str(key), cls.model_fields)}")
        budget = Budget.of({key: given[key] for key in BUDGET_KWARGS if key in given})
        router = given.get("router")
        if router is None:
            experts = given.get("experts")
            if not isinstance(experts, Mapping) or not experts:
                raise ConfigError(
                    "ChatLeeroo needs at least one expert: experts={'small': ChatOpenAI(...)}, or "
                    "ChatLeeroo.from_pool('pool.yaml')."
                )
            pool = Pool(
                {str(name): adapt(str(name), expert) for name, expert in experts.items()},
                reference=given.get("reference"),
                source="experts",
            )
            router = Router(pool, predictor=given.get("predictor"))
        if not isinstance(router, Router):
            raise ConfigError(f"router is a {type(router).__name__}; give a leeroo.Router.")
        if budget.expert is not None:
            router.pool[budget.expert]  # an unknown name is refused here, not at the first call
        return {**given, "router": router, "experts": given.get("experts") or {e.name: e for e in router.pool}}

    @model_validator(mode="after")
    def _set_leeroo_version(self) -> Self:
        self._add_version("langchain-leeroo", __version__)
        return self

    # What LangChain asks about a model

    @property
    def _llm_type(self) -> str:
        return "leeroo"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        """The pool and the settings, never the state: a cache must not mistake one pool for another."""
        settings = {key: getattr(self, key) for key in (*BUDGET_KWARGS, *_SENT)}
        return {
            "model_name": "leeroo",
            "experts": {expert.name: expert.model_id for expert in self._router.pool},
            **{key: value for key, value in settings.items() if value is not None},
            **self.model_kwargs,
        }

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """False: LangChain's loader knows the classes of its own packages only. Pickle works."""
        return False

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        own = [self.stop] if isinstance(self.stop, str) else self.stop
        params = super()._get_ls_params(stop=stop or own, **kwargs)
        params["ls_provider"] = "leeroo"
        if not isinstance(kwargs.get("model"), str):
            params["ls_model_name"] = "leeroo"
        return params

    def _resolve_model_profile(self) -> ModelProfile | None:
        return profile_of(self._router.pool)

    # Between a call and its expert

    @property
    def _router(self) -> Router:
        assert self.router is not None  # noqa: S101 - set at construction
        return self.router

    def _request(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None,
        kwargs: Mapping[str, Any],
        *,
        bound: RunnableConfig | None = None,
        structured: Mapping[str, Any] | None = None,
        streaming: bool = False,
    ) -> tuple[Request, RunnableConfig]:
        """Everything of a call, sorted: what the router needs, what the expert is sent, and the config."""
        config = ensure_config(merge_configs(bound, config) if bound else config)
        if isinstance(input, Planned):
            return input.request, config
        try:
            prompt = self._convert_input(input)
            messages = prompt.to_messages()
        except (ValueError, NotImplementedError) as error:
            raise InvalidRequest(f"The input is no message: {error}") from error
        own, rest = split_kwargs(kwargs)
        budget = own.over(_configurable(config)).over(ambient().budget).over(self._budget)
        sent = self._sent(rest)
        model = sent.pop("model", None)
        if model is not None:
            name = self._router.pool[str(model)].name
            if own.expert is not None and self._router.pool[own.expert].name != name:
                raise ConfigError(f"model={model!r} and expert={own.expert!r} contradict each other; give one of them.")
            budget = Budget(expert=name).over(budget)
        caps = [_whole_number(key, sent.pop(key)) for key in _CAPS if sent.get(key) is not None]
        timeout = sent.pop("timeout", self.timeout)
        if "tools" in sent and not isinstance(sent["tools"], RawTools):
            sent["tools"] = RawTools(sent["tools"] or ())
        query = to_query(
            messages,
            self._router,
            tools=sent.get("tools"),
            schema=schema_text((structured or {}).get("schema") or sent.get("response_format")),
            needs=self._needs(structured, sent, streaming),
            max_tokens=min(caps) if caps else None,
        )
        options = None if structured is None else dict(structured)
        return Request(prompt, messages, query, budget, sent, structured=options, timeout=timeout), config

    @property
    def _budget(self) -> Budget:
        own = {key: value for key in BUDGET_KWARGS if (value := getattr(self, key)) is not None}
        return Budget(**own) if own else NOTHING_SET

    def _sent(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The kwargs for the expert: the call's own over the constructor's; what is None is not sent."""
        own = {key: value for key in _SENT if (value := getattr(self, key)) is not None}
        own.update(self.model_kwargs)
        sent = {key: value for key, value in given.items() if value is not None}
        if any(key in sent for key in _CAPS):
            own = {key: value for key, value in own.items() if key not in _CAPS}
        sent = {key: value for key, value in {**own, **sent}.items() if value is not None and key not in _TRACING_ONLY}
        if isinstance(sent.get("stop"), str):
            sent["stop"] = [sent["stop"]]
        return sent

    def _needs(
        self, structured: Mapping[str, Any] | None, sent: Mapping[str, Any], streaming: bool
    ) -> frozenset[Capability]:
        needs: set[Capability] = set()
        if structured is not None:
            needs.add("tools" if structured.get("method") == "function_calling" else "structured_output")
        if sent.get("response_format") is not None:
            needs.add("structured_output")
        # Every LangChain model can be streamed, in one piece if need be: only where some do better, they are wanted.
        if streaming and any("streaming" in expert.capabilities for expert in self._router.pool):
            needs.add("streaming")
        return frozenset(needs)

    def _open(self, request: Request) -> Call:
        return self._router.open(request.query, request.budget)

    def get_num_tokens(self, text: str) -> int:
        """Expected tokens of a text, as the reference expert counts them."""
        return count_text(text, self._router.pool[self._router.pool.reference])

    def get_num_tokens_from_messages(
        self,
        messages: list[BaseMessage],
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool] | None = None,
    ) -> int:
        """Expected input tokens of messages and tools, as the reference expert counts them."""
        query = to_query(messages, self._router, tools=RawTools(tools) if tools else None)
        return count(query, self._router.pool[self._router.pool.reference]).expected

    async def _apart(self, work: Callable[..., T], *args: Any) -> T:
        """Decide in a thread: the encoder computes for milliseconds, in which other calls of the loop go on."""
        if type(self.predictor).__name__ == "ConstantPredictor":  # by name: its module brings numpy into the import
            return work(*args)
        return await asyncio.to_thread(work, *args)

    def _attempts(self, call: Call) -> Iterator[Attempt]:
        """The call's tries, as many as `max_retries` allows."""
        return call.attempts(None if self.max_retries is None else self.max_retries + 1)

    def _aattempts(self, call: Call) -> AsyncIterator[Attempt]:
        """The same, with waits that leave the event loop free."""
        return call.aattempts(None if self.max_retries is None else self.max_retries + 1)

    def _configure(self, config: RunnableConfig) -> RunnableConfig:
        """The model's own callbacks, tags and metadata hold for the run and for the experts' runs beneath it."""
        if self.callbacks is not None or self.tags:
            own = RunnableConfig(callbacks=self.callbacks, tags=list(self.tags or ()))
            config = merge_configs(own, config)
        if self.metadata:
            config["metadata"] = {**self.metadata, **(config.get("metadata") or {})}
        return config

    def _target(self, request: Request, attempt: Attempt) -> tuple[Runnable[Any, Any], dict[str, Any]]:
        """What to call for an attempt, and with which kwargs."""
        model = self._model(attempt.expert)
        kwargs = {**request.kwargs, **limits(model, attempt, request.timeout)}
        if attempt.expert.stop:
            kwargs["stop"] = [*kwargs.get("stop", ()), *attempt.expert.stop]
        tools = kwargs.pop("tools", None)
        if request.structured is not None:
            options = dict(request.structured)
            schema = options.pop("schema")
            if tools is not None:
                options["tools"] = list(tools)
            return rebind(model.with_structured_output(schema, include_raw=request.raw, **options), kwargs), {}
        if tools is None:
            return model, kwargs
        stop = {"stop": kwargs.pop("stop")} if "stop" in kwargs else {}
        return model.bind_tools(list(tools), **kwargs), stop

    def _listens(self, attempt: Attempt) -> bool:
        """Whether the expert's model has callbacks of its own."""
        model = self._model(attempt.expert)
        return bool(model.callbacks) or model.verbose

    def _model(self, expert: Expert) -> BaseChatModel:
        """The expert's chat model, made at its first use."""
        model = self._models.get(expert.name)
        if model is None:
            model = build(expert)
            update: dict[str, Any] = {}
            if self.output_version is not None and model.output_version != self.output_version:
                update["output_version"] = self.output_version
            if self.cache is not None and model.cache is None:
                update["cache"] = self.cache
            if self.streaming and "streaming" in type(model).model_fields:
                update["streaming"] = True
            if update:
                model = model.model_copy(update=update)
            self._models[expert.name] = model
        return model

    # Copies and pickles share no locks

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        state["__dict__"] = {key: value for key, value in state["__dict__"].items() if key != "router"}
        state["__pydantic_private__"] = {**(state.get("__pydantic_private__") or {}), "_models": {}}
        return state

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        pool = Pool(
            {name: adapt(name, expert) for name, expert in self.experts.items()},
            reference=self.reference,
            source="experts",
        )
        self.router = Router(pool, predictor=self.predictor)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self.model_copy()


def _whole_number(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidRequest(f"{name} is {value!r}; give a whole number of tokens.")
    return value


def _configurable(config: RunnableConfig) -> Budget:
    """The budget kwargs in `config["configurable"]`."""
    given = config.get("configurable")
    return Budget(**{key: given[key] for key in BUDGET_KWARGS if given.get(key) is not None}) if given else NOTHING_SET
