"""A scope's limit in the ledger holds through engines and agents, and an exhausted one stays exhausted."""

import pytest
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.embeddings import MockEmbedding

from leeroo import BudgetExceeded, budget
from leeroo.ledger.limits import Limit
from llamaindex_leeroo import Leeroo
from tests.llamaindex.conftest import pool_of
from tests.llamaindex.test_calls import ADD, COST_SMALL, HELLO

QUESTION = "What is the capital of France?"


@pytest.fixture
def llm(server, predictor, tmp_path):
    """Two experts and a ledger in which team-a may make two calls a day."""
    pool = pool_of(server, ledger=f"sqlite:///{tmp_path / 'ledger.db'}")
    llm = Leeroo.from_pool(pool, predictor=predictor, tolerance=0.5)
    llm.router.ledger.set_limit(Limit.of("team-a", "total", "calls", 2))
    yield llm
    llm.router.ledger.close()


def engine(llm):
    documents = [Document(text="Paris is the capital of France.")]
    return VectorStoreIndex.from_documents(documents, embed_model=MockEmbedding(embed_dim=8)).as_query_engine(llm=llm)


def test_engines_stop_at_the_limit_and_stay_stopped(llm, server):
    with budget(scope="team-a/user-1") as spent:
        for _ in range(2):
            engine(llm).query(QUESTION)
        for _ in range(2):
            with pytest.raises(BudgetExceeded, match="team-a"):
                engine(llm).query(QUESTION)
    assert spent.calls == len(server.requests) == 2
    assert spent.cost == pytest.approx(2 * COST_SMALL, abs=2e-9)


def test_another_scope_goes_on(llm):
    for _ in range(2):
        llm.chat(HELLO, scope="team-a")
    with pytest.raises(BudgetExceeded):
        llm.with_budget(scope="team-a/user-9").chat(HELLO)
    llm.chat(HELLO, scope="team-b")


async def test_an_agent_stops_in_the_middle_of_its_run(llm, server):
    llm.chat(HELLO, scope="team-a")
    with budget(scope="team-a"), pytest.raises(BudgetExceeded, match="team-a"):
        await FunctionAgent(tools=[ADD], llm=llm).run("Please add 1 and 1.")
    assert len(server.requests) == 2


def test_the_constructor_may_name_the_scope(server, predictor, tmp_path):
    pool = pool_of(server, ledger=f"sqlite:///{tmp_path / 'ledger.db'}")
    llm = Leeroo.from_pool(pool, predictor=predictor, tolerance=0.5, scope="acme/web")
    llm.chat(HELLO)
    (line,) = llm.router.ledger.spend(by="scope")
    assert line["scope"] == "acme/web"
    assert line["calls"] == 1
    llm.router.ledger.close()
