"""Every engine, agent and workflow that takes an LLM takes Leeroo, also while one of its experts is down."""

import asyncio

import pytest
from llama_index.core import Document, Settings, SummaryIndex, VectorStoreIndex
from llama_index.core.agent.workflow import AgentWorkflow, CodeActAgent, FunctionAgent, ReActAgent
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.evaluation import FaithfulnessEvaluator, RelevancyEvaluator
from llama_index.core.extractors import TitleExtractor
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.llms import ChatMessage
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.query_engine import RetrieverQueryEngine, RouterQueryEngine, SubQuestionQueryEngine
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.response_synthesizers import ResponseMode, get_response_synthesizer
from llama_index.core.tools import QueryEngineTool
from llama_index.core.workflow import Context, Event, StartEvent, StopEvent, Workflow, step

from leeroo import BudgetExceeded, budget
from tests.llamaindex.test_calls import ADD, COST_LARGE, COST_SMALL, PARIS, City

DOCUMENTS = [Document(text=f"France, part {i}. Paris is its capital. " * 20) for i in range(3)]
QUESTION = "What is the capital of France?"


def index():
    return VectorStoreIndex.from_documents(DOCUMENTS, embed_model=MockEmbedding(embed_dim=8))


def engine(llm, **options):
    return index().as_query_engine(llm=llm, similarity_top_k=2, **options)


# Each consumer returns what it answered and how many calls of the LLM that takes.


async def function_agent(llm, streaming=True):
    answer = await FunctionAgent(tools=[ADD], llm=llm, streaming=streaming).run("Please add 1 and 1.")
    assert str(answer) == "The tool said 2."
    return 2


async def function_agent_not_streaming(llm):
    return await function_agent(llm, streaming=False)


async def function_agent_without_tools(llm):
    assert str(await FunctionAgent(llm=llm).run(QUESTION)) == PARIS
    return 1


async def function_agent_with_output_cls(llm):
    answer = await FunctionAgent(tools=[ADD], llm=llm, output_cls=City).run("Please add 1 and 1.")
    assert answer.structured_response == {"name": "Paris", "size": 1}
    return 3


async def react_agent(llm, streaming=True):
    answer = await ReActAgent(tools=[ADD], llm=llm, streaming=streaming).run("Please sum 2 and 3.")
    assert str(answer) == "five"
    return 2


async def react_agent_not_streaming(llm):
    return await react_agent(llm, streaming=False)


async def code_act_agent(llm):
    ran = []

    async def execute(code: str) -> str:
        """Run code."""
        ran.append(code)
        return "Output: 5"

    answer = await CodeActAgent(code_execute_fn=execute, tools=[ADD], llm=llm).run("Please sum 2 and 3.")
    assert ran == ["print(2 + 3)"]
    assert str(answer) == "The sum is 5."
    return 2


async def agent_workflow_with_handoff(llm):
    first = FunctionAgent(
        name="first",
        description="hands over",
        llm=llm.for_role("first"),
        can_handoff_to=["second"],
        system_prompt="1st",
    )
    second = FunctionAgent(name="second", description="adds", llm=llm.for_role("second"), tools=[ADD])
    handler = AgentWorkflow(agents=[first, second], root_agent="first").run("Please add 1 and 1.")
    answer = await handler
    assert answer.current_agent_name == "second"
    assert str(answer) == "The tool said 2."
    return 3


async def simple_chat_engine(llm):
    chat = SimpleChatEngine.from_defaults(llm=llm)
    assert str(chat.chat(QUESTION)) == PARIS
    assert str(await chat.achat(QUESTION)) == PARIS
    assert "".join(chat.stream_chat(QUESTION).response_gen) == PARIS
    streamed = await chat.astream_chat(QUESTION)
    assert "".join([t async for t in streamed.async_response_gen()]) == PARIS
    return 4


async def context_chat_engine(llm):
    chat = index().as_chat_engine(chat_mode="context", llm=llm)
    assert PARIS in str(chat.chat(QUESTION))
    assert "".join(chat.stream_chat("And now?").response_gen) == PARIS
    return 2


async def condense_plus_context_chat_engine(llm):
    chat = index().as_chat_engine(chat_mode="condense_plus_context", llm=llm)
    assert str(chat.chat(QUESTION)) == PARIS  # nothing to condense yet
    assert str(await chat.achat("And of Gaul?")) == PARIS
    assert "".join(chat.stream_chat("And of the Franks?").response_gen) == PARIS
    return 5


async def compact(llm):
    assert str(engine(llm, response_mode=ResponseMode.COMPACT).query(QUESTION)) == PARIS
    assert str(await engine(llm, response_mode=ResponseMode.COMPACT).aquery(QUESTION)) == PARIS
    return 2


async def refine(llm):
    assert str(engine(llm, response_mode=ResponseMode.REFINE).query(QUESTION)) == PARIS
    return 2


async def tree_summarize(llm):
    summary = SummaryIndex.from_documents(DOCUMENTS)
    assert str(summary.as_query_engine(llm=llm, response_mode=ResponseMode.TREE_SUMMARIZE).query(QUESTION)) == PARIS
    return 1


async def structured_answer_filtering(llm):
    synthesizer = get_response_synthesizer(llm, response_mode=ResponseMode.REFINE, structured_answer_filtering=True)
    filtering = RetrieverQueryEngine(index().as_retriever(similarity_top_k=2), synthesizer)
    assert str(filtering.query(QUESTION)) == "Paris"
    assert str(await filtering.aquery(QUESTION)) == "Paris"
    return 4


async def output_cls(llm):
    found = engine(llm, output_cls=City, response_mode=ResponseMode.COMPACT).query(QUESTION)
    assert found.response == City(name="Paris", size=1)
    return 1


async def streaming_query_engine(llm):
    assert "".join(engine(llm, streaming=True).query(QUESTION).response_gen) == PARIS
    streamed = await engine(llm, streaming=True).aquery(QUESTION)
    assert "".join([t async for t in streamed.async_response_gen()]) == PARIS
    return 2


async def router_query_engine(llm):
    tools = [QueryEngineTool.from_defaults(engine(llm), name="docs", description="France")]
    found = RouterQueryEngine.from_defaults(tools, llm=llm).query(QUESTION)
    assert str(found) == PARIS
    return 2


async def sub_question_query_engine(llm):
    tools = [QueryEngineTool.from_defaults(engine(llm), name="docs", description="France")]
    questions = LLMQuestionGenerator.from_defaults(llm=llm)
    asked = SubQuestionQueryEngine.from_defaults(tools, llm=llm, question_gen=questions, use_async=False, verbose=False)
    assert str(asked.query(QUESTION)) == PARIS
    return 3


async def ingestion_with_an_extractor(llm):
    pipeline = IngestionPipeline(transformations=[SentenceSplitter(chunk_size=256), TitleExtractor(llm=llm, nodes=1)])
    nodes = await pipeline.arun(documents=DOCUMENTS[:1])
    assert nodes[0].metadata["document_title"] == PARIS
    return 2


async def settings_llm(llm):
    Settings.llm = llm
    assert str(index().as_query_engine(similarity_top_k=1).query(QUESTION)) == PARIS
    return 1


async def evaluators(llm):
    faithful = await FaithfulnessEvaluator(llm=llm).aevaluate(response=PARIS, contexts=["Paris is its capital."])
    relevant = await RelevancyEvaluator(llm=llm).aevaluate(
        query=QUESTION, response=PARIS, contexts=["Paris is its capital."]
    )
    assert (faithful.passing, relevant.passing) == (True, True)
    return 2


class Part(Event):
    number: int


class Done(Event):
    text: str


class Concurrent(Workflow):
    def __init__(self, llm):
        super().__init__(timeout=20)
        self.llm = llm

    @step
    async def begin(self, ctx: Context, ev: StartEvent) -> Part | None:
        for number in range(4):
            ctx.send_event(Part(number=number))

    @step(num_workers=4)
    async def ask(self, ev: Part) -> Done:
        answer = await self.llm.achat([ChatMessage(content=f"{ev.number}: {QUESTION}")])
        return Done(text=answer.message.content)

    @step
    async def end(self, ctx: Context, ev: Done) -> StopEvent | None:
        found = ctx.collect_events(ev, [Done] * 4)
        return StopEvent(result=[f.text for f in found]) if found else None


async def workflow_with_concurrent_steps(llm):
    assert await Concurrent(llm).run() == [PARIS] * 4
    return 4


CONSUMERS = [
    function_agent,
    function_agent_not_streaming,
    function_agent_without_tools,
    function_agent_with_output_cls,
    react_agent,
    react_agent_not_streaming,
    code_act_agent,
    agent_workflow_with_handoff,
    simple_chat_engine,
    context_chat_engine,
    condense_plus_context_chat_engine,
    compact,
    refine,
    tree_summarize,
    structured_answer_filtering,
    output_cls,
    streaming_query_engine,
    router_query_engine,
    sub_question_query_engine,
    ingestion_with_an_extractor,
    settings_llm,
    evaluators,
    workflow_with_concurrent_steps,
]


@pytest.mark.parametrize("consumer", CONSUMERS, ids=lambda f: f.__name__)
async def test_answers_as_with_one_llm_and_every_call_is_on_the_account(consumer, llm, server):
    with budget(max_total_cost=1.0, scope="team/run") as spent:
        calls = await consumer(llm)
    assert set(server.asked()) == {"small-model"}
    assert (len(server.requests), spent.calls) == (calls, calls)
    assert spent.cost == pytest.approx(calls * COST_SMALL, abs=1e-8)
    assert list(spent.by_expert) == ["small"]
    assert {c["budget"]["scope"] for c in llm.router.ledger.calls()} == {"team/run"}


@pytest.mark.parametrize("consumer", CONSUMERS, ids=lambda f: f.__name__)
async def test_answers_all_the_same_with_one_expert_down(consumer, llm, server):
    server.behave("small-model", {"status": 503})
    with budget() as spent:
        calls = await consumer(llm)
    assert server.asked().count("large-model") == calls
    assert spent.cost == pytest.approx(calls * COST_LARGE, abs=1e-8)
    assert list(spent.by_expert) == ["large"]


@pytest.mark.parametrize("consumer", CONSUMERS, ids=lambda f: f.__name__)
async def test_an_exhausted_budget_is_an_error_and_stays_exhausted(consumer, llm, server):
    with budget(max_total_cost=1e-6) as spent:
        with pytest.raises(BudgetExceeded):
            await consumer(llm)
        assert server.requests == [], "nothing was sent"
        with pytest.raises(BudgetExceeded):
            llm.complete("again")
    assert spent.cost == 0


async def test_concurrent_runs_do_not_share_an_account(llm, server):
    async def one(times):
        with budget(scope=f"run-{times}") as spent:
            for _ in range(times):
                await llm.acomplete(QUESTION)
        return spent.calls

    assert await asyncio.gather(*(one(n) for n in (1, 2, 3))) == [1, 2, 3]
    scopes = [c["budget"]["scope"] for c in llm.router.ledger.calls()]
    assert sorted(scopes) == ["run-1", "run-2", "run-2", "run-3", "run-3", "run-3"]


def test_a_budget_error_inside_llamaindexs_own_event_loop_is_at_least_in_the_chain(llm, server):
    """`asyncio_run` takes every RuntimeError for a nested loop and says so; what really happened is its context."""
    faithful = FaithfulnessEvaluator(llm=llm)
    with budget(max_total_cost=1e-6), pytest.raises(RuntimeError) as caught:
        faithful.evaluate(response=PARIS, contexts=["Paris is its capital."])
    chain, link = [], caught.value
    while link is not None:
        chain.append(type(link))
        link = link.__cause__ or link.__context__
    assert BudgetExceeded in chain
    assert server.requests == []


async def test_a_rate_limiter_holds_for_the_whole_pool(llm):
    class Limiter:
        acquired = 0

        def acquire(self):
            self.acquired += 1

        async def async_acquire(self):
            self.acquired += 1

    llm.rate_limiter = Limiter()
    llm.complete(QUESTION)
    await llm.acomplete(QUESTION)
    list(llm.stream_complete(QUESTION))
    assert llm.rate_limiter.acquired == 3


async def test_a_llamaindex_without_rate_limiters_will_do(llm):
    """Versions 0.14.5 to 0.14.15 have no such field."""
    vars(llm).pop("rate_limiter", None)
    assert llm.chat([ChatMessage(content="Capital?")]).message.content == PARIS
    assert (await llm.achat([ChatMessage(content="Capital?")])).message.content == PARIS
