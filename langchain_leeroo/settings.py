"""The parameters of `ChatLeeroo`, and what LangChain asks about a model: `Settings`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from langchain_core.language_models import BaseChatModel, LangSmithParams
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import BaseMessage
from langchain_core.tools import BaseTool
from pydantic import Field, PrivateAttr, model_validator

from langchain_leeroo.experts import adapt, profile_of, provider_of
from langchain_leeroo.messages import RawTools, to_query
from langchain_leeroo.preparation import SENT
from leeroo._version import __version__
from leeroo.budget import BUDGET_KWARGS, FIELDS, Budget
from leeroo.errors import ConfigError, did_you_mean
from leeroo.pool.on_empty import OnEmpty
from leeroo.pool.pool import Pool
from leeroo.pool.tokens import count, count_text
from leeroo.routing.router import Router


def _of_budget(name: str) -> Any:
    """A budget's field, with the words of its one definition."""
    return Field(default=None, description=FIELDS[name].description)


class Settings(BaseChatModel):
    """The parameters of `ChatLeeroo`, checked, and what LangChain asks about a model."""

    experts: dict[str, Any] = Field(default_factory=dict, exclude=True, repr=False)
    """Experts by name: a chat model, a `leeroo.Expert`, or a mapping of an expert's fields."""

    reference: str | None = None
    """The expert that `saved` is measured against; the dearest when absent."""

    max_cost: float | None = _of_budget("max_cost")
    min_quality: float | None = _of_budget("min_quality")
    tolerance: float | None = _of_budget("tolerance")
    confidence: float | None = _of_budget("confidence")
    willingness_to_pay: float | None = _of_budget("willingness_to_pay")
    max_latency: float | None = _of_budget("max_latency")
    scope: str | None = _of_budget("scope")
    expert: str | None = _of_budget("expert")
    consult: bool | None = _of_budget("consult")
    max_calls: int | None = _of_budget("max_calls")

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

    on_empty: OnEmpty = "next"
    """What an empty, withheld or unparsable answer means: "next", ask another expert where there is one; "accept"."""

    streaming: bool = False
    """Have `invoke` stream inside, so that callbacks see tokens as they come."""

    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Anything else to send to the expert with every call."""

    predictor: Any = Field(default=None, exclude=True, repr=False)
    """Estimates quality; the predictor that ships with Leeroo when absent, loaded at the first call."""

    router: Router | None = Field(default=None, exclude=True, repr=False)
    """A ready `leeroo.Router`, to share its ledger, health and memory; made from `experts` when absent."""

    consulting: Any = Field(default=None, exclude=True, repr=False)
    """How answers are compared and checked under `consult`: a `leeroo.consult.settings.Consulting`."""

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
        experts = given.get("experts") or {e.name: e for e in router.pool}
        return {"on_empty": router.on_empty, **given, "router": router, "experts": experts}

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
        settings = {key: getattr(self, key) for key in (*BUDGET_KWARGS, *SENT)}
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
        providers = {provider_of(expert) for expert in self._router.pool}
        # Middlewares compare it with what wrote a message, and believe its count of tokens only where both agree.
        params["ls_provider"] = next(iter(providers)) if len(providers) == 1 else "leeroo"
        if not isinstance(kwargs.get("model"), str):
            params["ls_model_name"] = "leeroo"
        return params

    def _resolve_model_profile(self) -> ModelProfile | None:
        return profile_of(self._router.pool, self.experts)

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

    @property
    def _router(self) -> Router:
        assert self.router is not None  # noqa: S101 - set at construction
        return self.router

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
