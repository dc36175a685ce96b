"""Budgets: nearest wins, in every place where LlamaIndex lets one be given."""

import asyncio
import contextvars
import threading

import pytest
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike

from leeroo import Budget, BudgetExceeded, ConfigError, budget, last_call
from leeroo.budget import FIELDS
from llamaindex_leeroo import Leeroo
from tests.llamaindex.conftest import pool_of
from tests.llamaindex.test_calls import COST_SMALL, HELLO, PARIS, PROMPT, City


def chosen(llm, **kwargs):
    return llm.chat(HELLO, **kwargs).additional_kwargs["leeroo"]["expert"]


def test_the_budgets_fields_have_the_words_of_their_one_definition():
    described = {name: Leeroo.model_fields[name].description for name in FIELDS}
    assert described == {name: field.description for name, field in FIELDS.items()}


def test_nearest_wins(server, predictor):
    llm = Leeroo.from_pool(pool_of(server), predictor=predictor, expert="small")
    assert chosen(llm) == "small"
    with budget(expert="large"):
        assert chosen(llm) == "large", "ambient over constructor"
        bound = llm.with_budget(expert="small")
        assert chosen(bound) == "small", "bound over ambient"
        assert chosen(bound, expert="large") == "large", "the call's own over bound"


def test_a_nearer_rule_replaces_a_farther_one(server, predictor):
    llm = Leeroo.from_pool(pool_of(server), predictor=predictor, tolerance=0.5)
    assert chosen(llm) == "small"
    assert chosen(llm, min_quality=0.8) == "large"
    with budget(min_quality=0.8):
        assert chosen(llm) == "large"
        assert chosen(llm.with_budget(tolerance=0.5)) == "small"


def test_the_budget_of_a_pool_file_and_what_stands_over_it(server, predictor):
    file = pool_of(server, budget={"expert": "large", "max_cost": 0.5})
    llm = Leeroo.from_pool(file, predictor=predictor)
    assert (llm.expert, llm.max_cost) == ("large", 0.5)
    assert Leeroo.from_pool(file, predictor=predictor, expert="small").expert == "small"


def test_kwargs_of_direct_calls_do_not_reach_the_expert(llm, server):
    llm.chat(HELLO, max_cost=0.1, min_quality=0.1, max_latency=20, scope="a", temperature=0.5)
    llm.structured_predict(City, PROMPT, llm_kwargs={"expert": "large", "max_cost": 0.1}, place="Paris")
    llm.as_structured_llm(City).chat(HELLO, expert="large")
    for request in server.bodies():
        assert not set(request) & {"max_cost", "min_quality", "max_latency", "scope", "expert"}
    assert server.bodies()[0]["temperature"] == 0.5
    assert server.asked() == ["small-model", "large-model", "large-model"]


def test_copies_share_everything_but_their_budget(llm, server):
    copy = llm.with_budget(max_cost=0.01).with_budget(scope="team")
    assert copy.router is llm.router
    assert copy.llm_of("small") is llm.llm_of("small")
    assert copy.bound == {"max_cost": 0.01, "scope": "team"}
    assert llm.bound == {}
    copy.chat(HELLO)
    assert llm.router.ledger.calls()[-1]["budget"] == {"max_cost": 0.01, "scope": "team", "tolerance": 0.5}
    with pytest.raises(ConfigError, match="Did you mean 'max_cost'"):
        llm.with_budget(max_cst=1)
    with pytest.raises(ConfigError, match="Did you mean 'small'"):
        llm.with_budget(expert="smal")


def test_health_is_shared_by_copies(llm, server):
    server.behave("small-model", {"status": 503})
    for _ in range(3):
        llm.with_budget(scope="a").chat(HELLO)
    server.requests.clear()
    llm.for_role("critic").chat(HELLO)
    assert server.asked() == ["large-model"], "the small one cools down"


def test_a_streaming_query_engine_read_outside_the_block_needs_a_copy(llm, server):
    documents = [Document(text="Paris is the capital of France.")]
    index = VectorStoreIndex.from_documents(documents, embed_model=MockEmbedding(embed_dim=8))
    with budget(expert="large"):
        answer = index.as_query_engine(llm=llm.with_budget(expert="large"), streaming=True).query("Capital?")
    assert "".join(answer.response_gen) == PARIS
    assert server.asked() == ["large-model"]


def test_role_copies_have_their_own_budget(llm, server):
    writer, critic = llm.for_role("writer"), llm.for_role("critic", min_quality=0.8)
    assert (writer.role, critic.role, llm.role) == ("writer", "critic", None)
    assert (chosen(writer), chosen(critic)) == ("small", "large")
    assert critic.router is llm.router


def test_threads_that_carry_the_context_are_on_the_account(llm):
    with budget(max_total_cost=1.0) as spent:
        contexts = [contextvars.copy_context() for _ in range(8)]
        threads = [threading.Thread(target=c.run, args=(llm.complete, "Capital of France?")) for c in contexts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert spent.calls == 8
    assert spent.cost == pytest.approx(8 * COST_SMALL, abs=1e-7)


async def test_a_total_is_never_passed_by_calls_at_the_same_time(llm, server):
    server.behave("small-model", {"hang": 0.05})
    with budget(max_total_cost=0.004) as spent:
        results = await asyncio.gather(*(llm.achat(HELLO) for _ in range(20)), return_exceptions=True)
    refused = [r for r in results if isinstance(r, BudgetExceeded)]
    assert refused
    assert all(isinstance(r, BudgetExceeded) or str(r) for r in results)
    assert spent.cost <= 0.004
    assert len(server.requests) == 20 - len(refused)


def test_generators_read_inside_the_block_are_on_its_account(llm):
    with budget() as outer:
        with budget() as inner:
            stream = llm.stream_chat(HELLO)
        list(stream)
    assert inner.calls == outer.calls == 1
    assert inner.cost == outer.cost == pytest.approx(COST_SMALL, abs=2e-9)


def test_the_own_cap_of_a_given_llm_is_lowered_but_never_raised(server, predictor):
    given = OpenAILike(
        model="small-model", api_base=server.url, api_key="x", is_chat_model=True, max_tokens=300, max_retries=0
    )
    llm = Leeroo(experts={"small": {"model": given, "price": {"input": 1, "output": 4}}}, predictor=predictor)
    llm.chat(HELLO)
    llm.chat(HELLO, max_cost=0.0008)
    llm.chat(HELLO, max_tokens=20)
    llm.chat(HELLO, max_cost=1.0)
    sent = [r["max_tokens"] for r in server.bodies()]
    assert sent[0] == sent[3] == 300
    assert 50 <= sent[1] < 300
    assert sent[2] == 20
    assert given.max_tokens == 300, "the user's object is as it was"


def test_max_latency_is_a_deadline(server, predictor):
    server.behave("small-model", "hang")
    llm = Leeroo.from_pool(pool_of(server), predictor=predictor, tolerance=0.5)
    with pytest.raises(RuntimeError, match=r"small: timeout; large: deadline"):
        llm.chat(HELLO, max_latency=0.4)
    assert last_call()["cost"] > 0


def test_a_changed_field_holds_for_the_next_call(llm):
    llm.expert = "large"
    assert chosen(llm) == "large"
    assert llm.defaults == Budget(tolerance=0.5, expert="large")


def test_complete_takes_the_budget_too(llm, server):
    assert llm.complete("Capital?", expert="large").additional_kwargs["leeroo"]["expert"] == "large"
    assert llm.chat([ChatMessage(content="Capital?")], expert="large").message.content == PARIS
