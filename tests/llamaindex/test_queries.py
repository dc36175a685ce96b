"""What the router reads in LlamaIndex's messages."""

import pytest
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.base.llms.types import (
    ChatMessage,
    CitableBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.response_synthesizers import ResponseMode

from leeroo.prediction import ConstantPredictor
from llamaindex_leeroo import Leeroo
from llamaindex_leeroo.queries import to_query
from tests.llamaindex.conftest import pool_of
from tests.llamaindex.test_calls import ADD, City

QUESTION = "What is the capital of France?"


class Reading(ConstantPredictor):
    def __init__(self):
        super().__init__()
        self.texts = []

    def predict(self, queries, experts):
        self.texts += queries
        return super().predict(queries, experts)


@pytest.mark.parametrize(
    "options",
    [
        {"response_mode": ResponseMode.COMPACT},
        {"response_mode": ResponseMode.REFINE},
        {"response_mode": ResponseMode.TREE_SUMMARIZE},
        {"response_mode": ResponseMode.COMPACT, "output_cls": City},
        {"streaming": True},
    ],
)
def test_the_prediction_is_about_the_question_and_not_the_context(options, server):
    reading = Reading()
    llm = Leeroo.from_pool(pool_of(server), predictor=reading)
    documents = [Document(text=f"Part {i}. " + "Paris is its capital. " * 100) for i in range(2)]
    index = VectorStoreIndex.from_documents(documents, embed_model=MockEmbedding(embed_dim=8))
    str(index.as_query_engine(llm=llm, similarity_top_k=2, **options).query(QUESTION))
    assert reading.texts
    assert set(reading.texts) == {QUESTION}
    assert llm.router.ledger.calls()[0]["candidates"][0]["expected_cost"] > 0.0004, (
        "the context is counted all the same"
    )


def test_the_newest_turn_of_the_user_is_the_text():
    second = "Which of these four gases contributes most to the greenhouse effect of the whole atmosphere?"
    query = to_query(
        [
            ChatMessage(role="system", content="Be brief."),
            ChatMessage(role="user", content="first"),
            ChatMessage(role="assistant", content="answer 1"),
            ChatMessage(role="user", content=second),
        ],
        {},
    )
    assert query.text == second
    assert query.prompt == f"Be brief.\nfirst\nanswer 1\n{second}"
    assert query.messages == 4
    assert query.needs == frozenset()


def test_every_kind_of_block_is_counted():
    blocks = [
        TextBlock(text="look:"),
        ImageBlock(image=b"\x89PNG\r\n\x1a\n"),
        ThinkingBlock(content="thought"),
        CitableBlock(title="t", source="s", content=[TextBlock(text="cited")]),
        ToolCallBlock(tool_name="add", tool_kwargs={"a": 1}),
    ]
    needs = frozenset({"tools"})
    query = to_query(
        [ChatMessage(role="user", blocks=blocks)], {"max_tokens": 5}, needs=needs, tools=[ADD], output_cls=City
    )
    assert query.media == 1
    assert query.needs == {"vision", "tools"}
    assert query.max_tokens == 5
    for word in ("look:", "thought", "cited", "add {'a': 1}", "Add two numbers", "A city."):
        assert word in query.prompt
