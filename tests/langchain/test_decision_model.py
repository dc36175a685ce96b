"""The router as LangChain's own decision model, where langchain-core has them (1.8)."""

import importlib.util

import pytest
from langchain_core.messages import HumanMessage

from leeroo import ConfigError, InvalidRequest, MissingDependency

NEW = importlib.util.find_spec("langchain_core.decisions") is not None
needs_new = pytest.mark.skipif(not NEW, reason="langchain-core is older than 1.8")


@pytest.mark.skipif(NEW, reason="langchain-core is 1.8 or newer")
def test_an_older_langchain_is_told(make):
    with pytest.raises(MissingDependency, match=r"langchain-core 1\.8"):
        make().decision_model()


@needs_new
def test_a_choice_of_experts(make, fake):
    from langchain_core.decisions import Choice

    large = fake()
    question = Choice(instructions="which?", criteria={"small": "easy", "large": "hard"})
    model = make(large=large).decision_model()
    answer = model.invoke({"state": "hi", "questions": {"q": question}}).choices["q"]
    assert answer.choice == "large"
    assert answer.confidence == pytest.approx(0.9)
    assert answer.probabilities == pytest.approx({"small": 0.4, "large": 0.6})
    cheap = make().decision_model(tolerance=0.5)
    assert cheap.invoke({"state": [HumanMessage("hi")], "questions": {"q": question}}).choices["q"].choice == "small"
    only = Choice(instructions="which?", criteria={"small": None})
    assert model.invoke({"state": "hi", "questions": {"q": only}}).choices["q"].choice == "small"
    assert not large.seen


@needs_new
def test_what_it_cannot_answer(make):
    from langchain_core.decisions import Choice, Noul

    model = make().decision_model()
    with pytest.raises(InvalidRequest, match="Noul"):
        model.invoke({"state": "hi", "questions": {"q": Noul(instructions="yes?")}})
    with pytest.raises(ConfigError, match=r"'smal'.*'small'"):
        model.invoke({"state": "hi", "questions": {"q": Choice(instructions="?", criteria={"smal": None})}})


@needs_new
@pytest.mark.filterwarnings("ignore")
def test_in_langchains_own_middleware(make, fake):
    from langchain.agents import create_agent
    from langchain.agents.middleware import ModelChoice, ModelRouterMiddleware

    small, large = fake(says="from small"), fake(says="from large")
    router = ModelRouterMiddleware(
        choices={"small": ModelChoice(small, "easy"), "large": ModelChoice(large, "hard")},
        instructions="Choose the cheapest adequate model.",
        classifier=make().decision_model(tolerance=0.5),
    )
    state = create_agent(large, [], middleware=[router]).invoke({"messages": [HumanMessage("hi")]})
    assert state["messages"][-1].content == "from small"
    assert state["model_route"].choice == "small"
