"""What lies between a call of the chat model and its expert's own model: `ModelHost`."""

from collections.abc import Mapping
from operator import is_
from typing import Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.prompt_values import ChatPromptValue, PromptValue
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import ensure_config, merge_configs

from langchain_leeroo.authorship import readable_by
from langchain_leeroo.caching import KWARG, cache_kwargs, marked_tools, readable_marks
from langchain_leeroo.experts import beside_tools, build, limits
from langchain_leeroo.logprobs import may_ask
from langchain_leeroo.messages import RawTools
from langchain_leeroo.preparation import SENT, Defaults, prepare
from langchain_leeroo.rebinding import rebind
from langchain_leeroo.requests import Planned, Request
from langchain_leeroo.settings import Settings
from langchain_leeroo.unwrapping import bound_to
from leeroo.budget import BUDGET_KWARGS, NOTHING_SET, Budget
from leeroo.endpoints.parameters import taken
from leeroo.errors import InvalidRequest
from leeroo.pool.experts import Expert
from leeroo.routing.attempt import Attempt
from leeroo.routing.call import Call


class ModelHost:
    """The `Host` of a chat model, made anew for each call: its settings may change between two.

    Args:
        settings: The chat model's settings.
    """

    __slots__ = ("_settings", "consulting", "most_attempts", "name", "rate_limiter")

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.name = settings.get_name()
        self.rate_limiter = settings.rate_limiter
        self.consulting = settings.consulting
        self.most_attempts = None if settings.max_retries is None else settings.max_retries + 1

    @property
    def brief(self) -> bool:
        """Whether the predictor is a constant, and no database is asked what the scope has left."""
        # By name, for its module brings numpy into the import.
        constant = type(self._settings.predictor).__name__ == "ConstantPredictor"
        return constant and not self._settings._router.waits

    @property
    def expert_names(self) -> tuple[str, ...]:
        """The experts of the pool, in order."""
        return self._settings._router.pool.names

    def request(
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
            prompt = self._settings._convert_input(input)
            messages = prompt.to_messages()
        except (ValueError, NotImplementedError) as error:
            raise InvalidRequest(f"The input is no message: {error}") from error
        request = prepare(
            prompt,
            messages,
            config,
            kwargs,
            self._settings._router,
            self._defaults(),
            structured=structured,
            streaming=streaming,
        )
        return request, config

    def open(self, request: Request) -> Call:
        """Decide, and open a call on the decision."""
        return self._settings._router.open(request.query, request.budget, on_empty=self._settings.on_empty)

    def configure(self, config: RunnableConfig) -> RunnableConfig:
        """The model's own callbacks, tags and metadata hold for the run and for the experts' runs beneath it."""
        settings = self._settings
        if settings.callbacks is not None or settings.tags:
            own = RunnableConfig(callbacks=settings.callbacks, tags=list(settings.tags or ()))
            config = merge_configs(own, config)
        if settings.metadata:
            config["metadata"] = {**settings.metadata, **(config.get("metadata") or {})}
        return config

    def bound(self, expert: Expert) -> dict[str, Any]:
        """Kwargs that the user has bound to an expert's model."""
        return bound_to(expert.name, self._settings.experts.get(expert.name))

    def target(self, request: Request, attempt: Attempt) -> tuple[Runnable[Any, Any], dict[str, Any]]:
        """What to call for an attempt, and with which kwargs."""
        model = self._model(attempt.expert)
        if attempt.draw > 1:
            model = model.model_copy(update={"cache": False})  # which would give the earlier answer again
        kwargs = {
            **self.bound(attempt.expert),
            **taken(attempt.expert, request.kwargs, attempt.expert.base_url),
            **limits(model, attempt, request.timeout),
        }
        if attempt.expert.prompt_cache is not None or KWARG in kwargs:
            kwargs = cache_kwargs(request, attempt.expert, model, kwargs)
        if attempt.expert.stop:
            kwargs["stop"] = [*kwargs.get("stop", ()), *attempt.expert.stop]
        tools = kwargs.pop("tools", None)
        if tools is not None and not isinstance(tools, RawTools):
            tools = RawTools(tools)
        if tools or (request.structured or {}).get("method") == "function_calling":
            kwargs = beside_tools(model, attempt.expert, kwargs)
        if request.structured is not None:
            options = dict(request.structured)
            schema = options.pop("schema")
            if tools is not None:
                options["tools"] = list(tools.raw)
            try:
                form = model.with_structured_output(schema, include_raw=request.raw, **options)
            except (TypeError, ValueError) as error:
                raise InvalidRequest(
                    f"Expert {attempt.expert.name!r} does not take these arguments of with_structured_output: {error}"
                ) from error
            return rebind(form, kwargs), {}
        if tools is None:
            return model, kwargs
        stop = {"stop": kwargs.pop("stop")} if "stop" in kwargs else {}
        offered = marked_tools(tools.raw, request, attempt.expert, model)
        return model.bind_tools(offered, **kwargs), stop

    def prompt(self, request: Request, attempt: Attempt) -> PromptValue:
        """The request's messages as the attempt's expert can read them."""

        def provider() -> str | None:
            return self._model(attempt.expert)._get_ls_params().get("ls_provider")

        readable = readable_by(request.messages, attempt.expert.name, provider)
        if attempt.expert.prompt_cache is not None or request.query.cache_writes is not None:
            readable = readable_marks(readable, request, attempt.expert, self._model(attempt.expert))
        same = all(map(is_, readable, request.messages))
        return request.prompt if same else ChatPromptValue(messages=readable)

    def may_ask_logprobs(self, request: Request, attempt: Attempt) -> bool:
        """Whether a consultation may ask the attempt's expert for log-probabilities that nobody has spoken of."""
        bound = bound_to(attempt.expert.name, self._settings.experts.get(attempt.expert.name))
        return may_ask(self._model(attempt.expert), {**bound, **request.kwargs})

    def listens(self, attempt: Attempt) -> bool:
        """Whether the expert's model has callbacks of its own."""
        model = self._model(attempt.expert)
        return bool(model.callbacks) or model.verbose

    def _defaults(self) -> Defaults:
        settings = self._settings
        own = {key: value for key in BUDGET_KWARGS if (value := getattr(settings, key)) is not None}
        sent = {key: value for key in SENT if (value := getattr(settings, key)) is not None}
        budget = Budget(**own) if own else NOTHING_SET
        return Defaults(budget, {**sent, **settings.model_kwargs}, settings.timeout)

    def _model(self, expert: Expert) -> BaseChatModel:
        """The expert's chat model, made at its first use."""
        settings = self._settings
        model = settings._models.get(expert.name)
        if model is None:
            model = build(expert)
            update: dict[str, Any] = {}
            if settings.output_version is not None and model.output_version != settings.output_version:
                update["output_version"] = settings.output_version
            if settings.cache is not None and model.cache is None:
                update["cache"] = settings.cache
            if settings.streaming and "streaming" in type(model).model_fields:
                update["streaming"] = True
            if update:
                model = model.model_copy(update=update)
            settings._models[expert.name] = model
        return model
