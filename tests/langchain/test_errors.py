"""Errors are ours and LangChain's at once, so that its retries, fallbacks and summaries know what to do."""

import pickle

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelRetryMiddleware, SummarizationMiddleware
from langchain_core import exceptions as theirs
from langchain_core.messages import AIMessage, HumanMessage

from leeroo import BudgetExceeded, Expert, ExpertsFailed, NoEligibleExpert, Price

CHEAP = Price(input=1, output=1)


def only(model):
    return {"a": Expert(model=model, price=CHEAP)}


@pytest.mark.parametrize(
    ("given", "raised", "retryable"),
    [
        (429, theirs.ModelRateLimitError, True),
        (500, theirs.ModelAPIError, True),
        (401, theirs.ModelAuthenticationError, False),
        (403, theirs.ModelPermissionDeniedError, False),
        (404, theirs.ModelNotFoundError, False),
        (400, theirs.ModelInvalidRequestError, False),
        (413, theirs.ContextOverflowError, False),
        (ConnectionError("gone"), theirs.ModelConnectionError, True),
        (TimeoutError(), theirs.ModelTimeoutError, True),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_the_type_says_what_happened_and_the_cause_is_the_experts_own(
    make, fake, http_error, given, raised, retryable, streamed
):
    error = http_error(given) if isinstance(given, int) else given
    llm = make(experts=only(fake(error=error)), max_retries=0)
    with pytest.raises(ExpertsFailed) as caught:
        list(llm.stream("hi")) if streamed else llm.invoke("hi")
    assert isinstance(caught.value, raised)
    assert caught.value.is_retryable is retryable
    assert caught.value.__cause__ is error
    assert caught.value.record["attempts"]
    assert pickle.loads(pickle.dumps(caught.value)).record == caught.value.record


@pytest.mark.parametrize(
    ("name", "kind", "cost"),
    [
        ("ModelRateLimitError", "rate_limit", 0),
        ("ModelAPIError", "server", 0),
        ("ModelAuthenticationError", "auth", 0),
        ("ModelInvalidRequestError", "bad_request", 0),
        ("ModelRefusalError", "content_filter", 0),
    ],
)
def test_langchains_own_errors_are_known(make, fake, name, kind, cost):
    if not hasattr(theirs, name):
        pytest.skip(f"this langchain-core has no {name}")
    llm = make(experts=only(fake(error=getattr(theirs, name)("no"))), max_retries=0)
    with pytest.raises(ExpertsFailed) as caught:
        llm.invoke("hi")
    assert caught.value.record["attempts"][0]["error"] == kind
    assert caught.value.record["cost"] == cost


def test_with_retry_and_fallbacks_by_type(make, fake, http_error):
    busy = fake(error=http_error(429))
    llm = make(experts=only(busy), max_retries=0)
    again = llm.with_retry(
        retry_if_exception_type=(theirs.ModelRateLimitError,), stop_after_attempt=3, wait_exponential_jitter=False
    )
    with pytest.raises(theirs.ModelRateLimitError):
        again.invoke("hi")
    assert len(busy.seen) >= 2
    llm, other = make(experts=only(busy)), make(experts=only(fake(says="other")))
    caught = llm.with_fallbacks([other], exceptions_to_handle=(theirs.ModelRateLimitError,))
    assert caught.invoke("hi").content == "other"


def test_a_refused_key_is_not_asked_again(make, fake, http_error):
    model = fake(error=http_error(401))
    retry = ModelRetryMiddleware(max_retries=2, initial_delay=0, on_failure="error")
    agent = create_agent(make(experts=only(model)), [], middleware=[retry])
    with pytest.raises(theirs.ModelAuthenticationError):
        agent.invoke({"messages": [HumanMessage("hi")]})
    assert len(model.seen) == 1


def test_a_prompt_longer_than_every_window_is_an_overflow(make, fake):
    small = Expert(model=fake(), price=CHEAP, context_window=10)
    with pytest.raises(NoEligibleExpert, match="context window 10") as caught:
        make(experts={"a": small}).invoke("word " * 100)
    assert isinstance(caught.value, theirs.ContextOverflowError)
    with pytest.raises(BudgetExceeded) as too_dear:
        make().invoke("hi", max_cost=1e-9)
    assert not isinstance(too_dear.value, theirs.ModelError)


def test_a_summary_is_tried_again_with_less_after_an_overflow(make, fake, http_error):
    class Narrow(fake):
        def _generate(self, messages, stop=None, run_manager=None, **kwargs):
            self._note(messages, stop, kwargs)
            if len(self.seen) == 1:
                raise http_error(413)
            return fake(says="short")._generate(messages)

    llm = make(experts=only(Narrow()))
    middleware = SummarizationMiddleware(llm, trigger=("messages", 2), keep=("messages", 1))
    history = [HumanMessage("word " * 3000), AIMessage("b"), HumanMessage("c")]
    state = create_agent(make(), [], middleware=[middleware]).invoke({"messages": history})
    assert not any("413" in str(message.content) for message in state["messages"])  # ids are random digits, too
    assert "short" in str(state["messages"][0].content)


def test_what_a_wait_may_mend_is_what_is_raised(make, fake, http_error):
    llm = make(fake(error=http_error(429)), fake(error=http_error(413)), max_retries=1)
    with pytest.raises(theirs.ModelRateLimitError):
        llm.invoke("hi")
