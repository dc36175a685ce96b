"""The router as a LangChain decision model, for `ModelRouterMiddleware` and others; needs langchain-core 1.8."""

from collections.abc import Mapping
from typing import Any

from langchain_core.decisions import (  # type: ignore[import-not-found, unused-ignore]
    BaseDecisionModel,
    Choice,
    ChoiceAnswer,
    ClassifierResponse,
)
from langchain_core.messages import BaseMessage
from pydantic import Field

from langchain_leeroo.requests import Host
from leeroo.errors import ConfigError, InvalidRequest, did_you_mean


class LeerooDecisionModel(BaseDecisionModel):  # type: ignore[misc, unused-ignore]
    """Answers a `Choice` whose labels are experts of the pool, by predicted quality, price and budget.

    The criteria's descriptions and the instructions are not read: the choice is learned, not told. The answer's
    `probabilities` are the labels' predicted qualities, scaled to a sum of 1; its `confidence` is the predicted quality
    of the label chosen. Labels that are not eligible have probability 0.

    Example:
        ```python
        from langchain.agents.middleware import ModelChoice, ModelRouterMiddleware

        router = ModelRouterMiddleware(
            choices={"small": ModelChoice(small, "anything easy"), "large": ModelChoice(large, "anything hard")},
            instructions="Choose the cheapest adequate model.",
            classifier=llm.decision_model(tolerance=0.05),
        )
        ```
    """

    model: str = "leeroo"
    llm: Any
    budget: dict[str, Any] = Field(default_factory=dict)

    @property
    def _provider(self) -> str:
        return "leeroo"

    def _classify(self, state: Any, questions: Mapping[str, Any]) -> ClassifierResponse:
        answers = {name: self._answer(name, state, question) for name, question in questions.items()}
        return ClassifierResponse(model=self.model, answers=answers)

    def _answer(self, name: str, state: Any, question: Any) -> ChoiceAnswer:
        host: Host = self.llm._host
        names = host.expert_names
        if not isinstance(question, Choice):
            raise InvalidRequest(
                f"Question {name!r} is a {type(question).__name__}; Leeroo answers a Choice of experts."
            )
        for label in question.criteria:
            if label not in names:
                raise ConfigError(f"Question {name!r}: {label!r} is no expert of the pool.{did_you_mean(label, names)}")
        request, _ = host.request(_messages(state), None, self.budget)
        decision = host.open(request).decision
        allowed = [c for c in decision.selection.order if c.expert.name in question.criteria]
        if not allowed:
            raise InvalidRequest(f"Question {name!r}: none of {', '.join(question.criteria)} can take this request.")
        total = sum(c.quality for c in allowed) or 1.0
        shares = {c.expert.name: c.quality / total for c in allowed}
        return ChoiceAnswer(
            type="choice",
            choice=allowed[0].expert.name,
            probabilities={label: shares.get(label, 0.0) for label in question.criteria},
            confidence=min(1.0, max(0.0, allowed[0].quality)),
        )


def _messages(state: Any) -> Any:
    """The messages in a decision model's state."""
    if isinstance(state, Mapping) and "messages" in state:
        return _messages(state["messages"])
    if isinstance(state, BaseMessage):
        return [state]
    return state if isinstance(state, (str, list, tuple)) else str(state)
