"""What a routed LLM is apart from its calls: pool, budget, metadata, copies on disk and in memory."""

from abc import ABC
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from llama_index.core.base.llms.types import LLMMetadata
from llama_index.core.bridge.pydantic import Field, PrivateAttr, model_serializer
from llama_index.core.constants import DEFAULT_CONTEXT_WINDOW
from llama_index.core.llms import LLM
from llama_index.core.llms.function_calling import FunctionCallingLLM

from leeroo import Budget, ConfigError, Router
from leeroo.budget import BUDGET_KWARGS, FIELDS, NOTHING_SET
from leeroo.errors import did_you_mean
from leeroo.ledger.memory import Ledger
from leeroo.pool.file import read_pool
from leeroo.pool.on_empty import OnEmpty
from leeroo.prediction.predictor import Predictor
from leeroo.query import Capability
from llamaindex_leeroo.events import span_if_heard
from llamaindex_leeroo.experts import build, chats, described, to_pool

NEEDS: tuple[tuple[str, Capability], ...] = (("stream", "streaming"), ("structured", "structured_output"))
"""What a method needs, by a word in its name."""


def _of_budget(name: str) -> Any:
    """A budget's field, with the words of its one definition."""
    return Field(default=None, description=FIELDS[name].description)


class RoutedLLM(FunctionCallingLLM, ABC):
    """Fields, router and copies of `Leeroo`, whose class body holds the calls."""

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
    temperature: float | None = Field(default=None, ge=0, description="Sent to the expert when set.")
    max_tokens: int | None = Field(default=None, ge=1, description="Output cap; a budget may lower it further.")
    on_empty: OnEmpty = Field(default="next", description="What follows an answer with nothing in it.")
    role: str | None = Field(default=None, description="What this copy is used for; see for_role.")
    bound: dict[str, Any] = Field(default_factory=dict, description="Budget of a with_budget copy; over the ambient.")

    _router: Router = PrivateAttr()
    _llms: dict[str, LLM] = PrivateAttr(default_factory=dict)
    _predictor: Predictor | None = PrivateAttr(default=None)
    _consulting: Any = PrivateAttr(default=None)
    _defaults: tuple[tuple[Any, ...], Budget] | None = PrivateAttr(default=None)
    _metadata: LLMMetadata | None = PrivateAttr(default=None)

    def __init__(
        self,
        experts: Mapping[str, Any] | None = None,
        *,
        reference: str | None = None,
        predictor: Predictor | None = None,
        ledger: Ledger | None = None,
        router: Router | None = None,
        consulting: Any = None,
        **kwargs: Any,
    ) -> None:
        known = set(type(self).model_fields)
        for key in kwargs:
            if key not in known:
                raise ConfigError(f"Unknown argument {key!r} of Leeroo.{did_you_mean(key, known)}")
        budget = Budget(**{k: v for k, v in kwargs.items() if k in BUDGET_KWARGS})
        bound = Budget.of(kwargs.get("bound") or {})
        if router is None:
            router = Router(to_pool(experts or {}, reference), predictor=predictor, ledger=ledger)
        for named in (budget.expert, bound.expert):
            if named is not None:
                router.pool[named]  # an unknown name is refused here, not at the first call
        super().__init__(**{"on_empty": router.on_empty, **kwargs})
        self._router = router
        self._predictor = predictor
        self._consulting = consulting

    @classmethod
    def from_pool(
        cls, source: str | Path | Mapping[str, Any], *, predictor: Predictor | None = None, **kwargs: Any
    ) -> Self:
        """A Leeroo from a pool file, or from a mapping of the same form; its LLMs are made at first use.

        Args:
            source: Path of a YAML file, or the mapping itself.
            predictor: As in the constructor.
            **kwargs: As in the constructor; budget kwargs win over the file's `budget`.

        Raises:
            ConfigError: Anything in it that cannot be used, with its place.
        """
        file = read_pool(source)
        own, rest = {k: v for k, v in kwargs.items() if k in BUDGET_KWARGS}, dict(kwargs)
        for key in own:
            del rest[key]
        budget = Budget(**own).over(file.budget)
        router = Router.from_file(file, predictor=predictor, budget=NOTHING_SET)
        rest.update(budget.to_dict())
        return cls(router=router, **rest)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        own = dict(vars(cls))
        super().__init_subclass__(**kwargs)  # here LlamaIndex puts spans around the calls
        for name, plain in own.items():
            spanned = vars(cls)[name]
            if spanned is not plain:
                setattr(cls, name, span_if_heard(plain, spanned, cls.__module__))

    # -- what it is --

    @classmethod
    def class_name(cls) -> str:
        """LlamaIndex's name of the class."""
        return "leeroo"

    @property
    def metadata(self) -> LLMMetadata:
        """What holds whichever expert answers: the least context window; chat and functions, if any expert can."""
        private = self.__pydantic_private__ or {}
        if private["_metadata"] is None:  # a query engine asks five times a query, and pools do not change
            pool = self.router.pool
            windows = [e.context_window for e in pool if e.context_window is not None]
            private["_metadata"] = LLMMetadata(
                context_window=min(windows, default=DEFAULT_CONTEXT_WINDOW),
                num_output=-1,
                is_chat_model=any(chats(e.model) for e in pool),
                is_function_calling_model=self.some_can("tools"),
                model_name=f"leeroo({', '.join(pool.names)})",
            )
        found: LLMMetadata = private["_metadata"]
        return found

    @property
    def router(self) -> Router:
        """The router: its pool, ledger and health are shared by all copies."""
        # Not self._router: pydantic finds private attributes by way of a failed lookup, and every call asks.
        router: Router = (self.__pydantic_private__ or {})["_router"]
        return router

    @property
    def defaults(self) -> Budget:
        """The budget of the constructor."""
        state, private = self.__dict__, self.__pydantic_private__ or {}
        values = tuple([state[name] for name in BUDGET_KWARGS])
        known: tuple[tuple[Any, ...], Budget] | None = private["_defaults"]
        if known is None or known[0] != values:
            own = Budget(**dict(zip(BUDGET_KWARGS, values, strict=True)))
            private["_defaults"] = known = (values, own.over(self.router.budget))
        return known[1]

    def llm_of(self, name: str) -> LLM:
        """The LLM of an expert, made at first use.

        Raises:
            ConfigError: Its key is not in the environment, or its provider has no known endpoint.
        """
        llms: dict[str, LLM] = (self.__pydantic_private__ or {})["_llms"]
        if name not in llms:
            llms[name] = build(self.router.pool[name])
        return llms[name]

    @property
    def made(self) -> bool:
        """Whether any expert's LLM has been made yet."""
        return bool((self.__pydantic_private__ or {})["_llms"])

    def with_budget(self, **budget: Any) -> Self:
        """A copy whose calls have this budget; it shares pool, ledger, health and clients.

        The one way to give a budget to what calls the LLM later, such as a streaming query engine: an ambient
        `leeroo.budget()` may have ended by then.

        Args:
            **budget: Budget kwargs; they win over the ambient budget.

        Raises:
            ConfigError: An unknown name or a bad value.
        """
        bound = Budget.of(budget).over(Budget.of(self.bound))
        if bound.expert is not None:
            self._router.pool[bound.expert]
        return self.model_copy(update={"bound": bound.to_dict()})

    def for_role(self, role: str, **budget: Any) -> Self:
        """A copy for one role of a workflow (its calls say so in their `RoutingEvent`), with that role's budget.

        Args:
            role: For example "critic".
            **budget: Budget kwargs, as in `with_budget`.
        """
        return self.with_budget(**budget).model_copy(update={"role": role})

    def wanted(self, method: str) -> frozenset[Capability]:
        """What a method needs beside what the request says; not asked for where no expert of the pool has it."""
        return frozenset([capability for word, capability in NEEDS if word in method and self.some_can(capability)])

    def some_can(self, capability: Capability) -> bool:
        """Whether any expert of the pool has a capability."""
        return any(capability in e.capabilities for e in self.router.pool)

    # -- copies on disk and in memory --

    @model_serializer(mode="wrap")
    def custom_model_dump(self, handler: Any, info: Any) -> dict[str, Any]:
        """The fields and the pool, without secrets."""
        data: dict[str, Any] = handler(self)
        pool = self._router.pool
        data["experts"] = {e.name: described(e) for e in pool}
        data["reference"] = pool.reference
        data["class_name"] = self.class_name()
        return data

    def __getstate__(self) -> dict[Any, Any]:
        pool = self._router.pool
        state = dict(self.__dict__)
        state.pop("callback_manager", None)
        state.pop("rate_limiter", None)
        return {
            "fields": {k: v for k, v in state.items() if k in type(self).model_fields},
            "experts": {e.name: e for e in pool},
            "reference": pool.reference,
            "predictor": self._predictor,
            "consulting": self._consulting,
        }

    def __setstate__(self, state: dict[Any, Any]) -> None:
        self.__init__(  # type: ignore[misc]
            state["experts"],
            reference=state["reference"],
            predictor=state["predictor"],
            consulting=state["consulting"],
            **state["fields"],
        )

    @property
    def consulting(self) -> Any:
        """How several experts are consulted: a `leeroo.consult.settings.Consulting`, None for the usual way."""
        return self._consulting

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self.model_copy()
