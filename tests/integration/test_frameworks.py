"""Both frameworks on real models: LangChain's standard suite as far as small models go, LlamaIndex's engines."""

import pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests
from llama_index.core import Document, Settings, SummaryIndex, VectorStoreIndex
from llama_index.core.agent.workflow import ReActAgent
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.evaluation import RelevancyEvaluator
from llama_index.core.extractors import TitleExtractor
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter

from langchain_leeroo import ChatLeeroo
from leeroo import Expert, Price, budget, last_call
from llamaindex_leeroo import Leeroo

pytestmark = pytest.mark.local

DOCUMENTS = [
    Document(text="Paris is the capital of France. It lies on the river Seine."),
    Document(text="Rome is the capital of Italy. It lies on the river Tiber."),
]
QUESTION = "What is the capital of France?"


class TestChatLeeroo(ChatModelIntegrationTests):
    has_tool_calling = False  # neither local model was made for tools
    has_structured_output = False  # `test_local.py` has schemas that such models can fill
    supports_json_mode = False

    @pytest.fixture(autouse=True)
    def _pool(self, local_experts):
        type(self).experts = local_experts.experts

    @property
    def chat_model_class(self):
        return ChatLeeroo

    @property
    def standard_chat_model_params(self):
        return {"temperature": 0, "max_tokens": 60}

    @property
    def chat_model_params(self):
        return {"experts": type(self).experts}


@pytest.fixture
def llm(local_experts):
    return Leeroo(experts=local_experts.experts, max_tokens=40, temperature=0)


def vectors():
    return VectorStoreIndex.from_documents(DOCUMENTS, embed_model=MockEmbedding(embed_dim=8))


async def chat_engine(llm):
    engine = SimpleChatEngine.from_defaults(llm=llm)
    assert "Paris" in str(engine.chat(QUESTION))
    assert "".join(engine.stream_chat("And on which river?").response_gen)
    return 2


async def context_chat_engine(llm):
    engine = vectors().as_chat_engine(chat_mode="condense_plus_context", llm=llm)
    assert "Paris" in str(await engine.achat(QUESTION))
    return 1


async def query_engine(llm):
    assert "Paris" in str(vectors().as_query_engine(llm=llm, similarity_top_k=2).query(QUESTION))
    return 1


async def streaming_query_engine(llm):
    engine = vectors().as_query_engine(llm=llm, similarity_top_k=2, streaming=True)
    assert "Paris" in "".join(engine.query(QUESTION).response_gen)
    return 1


async def summary_engine(llm):
    engine = SummaryIndex.from_documents(DOCUMENTS).as_query_engine(llm=llm, response_mode="tree_summarize")
    assert str(await engine.aquery("What are the capitals?"))
    return 1


async def agent(llm):
    assert "Paris" in str(await ReActAgent(llm=llm).run(QUESTION))
    return 1


async def ingestion(llm):
    pipeline = IngestionPipeline(transformations=[SentenceSplitter(), TitleExtractor(llm=llm, nodes=1)])
    nodes = pipeline.run(documents=DOCUMENTS[:1])
    assert nodes[0].metadata["document_title"]
    return 2


async def evaluator(llm):
    result = await RelevancyEvaluator(llm=llm).aevaluate(
        query=QUESTION, response="Paris.", contexts=["Paris is the capital of France."]
    )
    assert result.feedback
    return 1


async def settings(llm):
    before = Settings._llm
    Settings.llm = llm
    try:
        assert "Paris" in str(vectors().as_query_engine(similarity_top_k=2).query(QUESTION))
    finally:
        Settings._llm = before
    return 1


CONSUMERS = [
    chat_engine,
    context_chat_engine,
    query_engine,
    streaming_query_engine,
    summary_engine,
    agent,
    ingestion,
    evaluator,
    settings,
]


@pytest.mark.parametrize("consumer", CONSUMERS, ids=lambda consumer: consumer.__name__)
async def test_llamaindex_runs_on_small_models(llm, consumer):
    with budget(max_total_cost=0.01) as spent:
        calls = await consumer(llm)
    assert spent.calls == calls
    assert 0 < spent.cost < 0.01


def test_a_dead_server_is_replaced_by_another_model(local_experts):
    dead = Expert(
        name="dead", model="openai:dead", base_url="http://127.0.0.1:9/v1", price=Price(input=0.001, output=0.001)
    )
    routed = Leeroo(experts={"dead": dead, **local_experts.experts}, max_tokens=40, temperature=0, tolerance=1.0)
    assert "Paris" in str(vectors().as_query_engine(llm=routed, similarity_top_k=2).query(QUESTION))
    record = last_call()
    assert record["attempts"][0]["expert"] == "dead"
    assert record["attempts"][0]["error"] == "connection"
    assert record["expert"] in local_experts.experts
