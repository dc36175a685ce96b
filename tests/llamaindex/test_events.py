"""What LlamaIndex's observers see: one routing event a call, and the expert's own LLM events, counted once."""

import inspect
import json

import pytest
from llama_index.core import Document, Settings, VectorStoreIndex
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler, TokenCountingHandler
from llama_index.core.callbacks.schema import CBEventType
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.llm import LLMChatEndEvent, LLMChatStartEvent
from llama_index.core.instrumentation.span import SimpleSpan, active_span_id
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler
from pydantic import Field

from leeroo import BudgetExceeded
from llamaindex_leeroo import Leeroo, RoutingEvent
from tests.llamaindex.conftest import READ, WRITTEN, pool_of
from tests.llamaindex.test_calls import HELLO, PROMPT, WAYS, City, call


class Events(BaseEventHandler):
    seen: list = Field(default_factory=list)

    @classmethod
    def class_name(cls):
        return "Events"

    def handle(self, event, **kwargs):
        self.seen.append(event)


class Spans(BaseSpanHandler[SimpleSpan]):
    pairs: list = Field(default_factory=list)

    @classmethod
    def class_name(cls):
        return "Spans"

    def new_span(self, id_, bound_args, instance=None, parent_span_id=None, tags=None, **kwargs):
        self.pairs.append((id_.rsplit("-", 5)[0], (parent_span_id or "").rsplit("-", 5)[0]))
        return SimpleSpan(id_=id_, parent_id=parent_span_id)

    def prepare_to_exit_span(self, id_, bound_args, instance=None, result=None, **kwargs):
        return self.open_spans.get(id_)

    def prepare_to_drop_span(self, id_, bound_args, instance=None, err=None, **kwargs):
        return self.open_spans.get(id_)


@pytest.fixture
def events():
    root = get_dispatcher()
    handler = Events(seen=[])
    root.event_handlers.append(handler)
    yield handler.seen
    root.event_handlers.remove(handler)


@pytest.fixture
def spans():
    root = get_dispatcher()
    handler = Spans()
    handler.pairs = []
    root.span_handlers.append(handler)
    yield handler.pairs
    root.span_handlers.remove(handler)


def of(kind, events):
    return [e for e in events if isinstance(e, kind)]


@pytest.mark.parametrize("way", WAYS)
async def test_one_routing_event_a_call(way, llm, events):
    await call(way, llm)
    (event,) = of(RoutingEvent, events)
    assert (event.expert, event.role, event.error) == ("small", None, None)
    assert event.record["call_id"] == event.call_id
    assert event.class_name() == "RoutingEvent"
    text = json.dumps(event.record)
    assert "capital" not in text
    assert "Where is" not in text


def test_the_event_tells_role_and_error(llm, events, server):
    with pytest.raises(BudgetExceeded):
        llm.for_role("critic").chat(HELLO, max_cost=1e-9)
    (event,) = of(RoutingEvent, events)
    assert (event.role, event.error) == ("critic", "BudgetExceeded")
    assert event.record["candidates"][0]["ineligible"]
    server.behave("small-model", {"status": 500})
    server.behave("large-model", {"status": 500})
    with pytest.raises(RuntimeError):
        llm.chat(HELLO)
    assert of(RoutingEvent, events)[-1].error == "ExpertsFailed"


def test_only_the_expert_emits_llm_events(llm, events):
    llm.chat(HELLO)
    assert [type(e) for e in events] == [LLMChatStartEvent, LLMChatEndEvent, RoutingEvent]
    assert of(LLMChatStartEvent, events)[0].model_dict["model_name"] == "small-model"


def test_spans_nest(llm, spans):
    llm.predict(PROMPT, place="Paris")
    parents = dict(reversed(spans))
    assert parents["Leeroo.predict"] == ""
    assert parents["Leeroo.chat"] == "Leeroo.predict"
    assert parents["EndpointLLM.chat"] == "Leeroo.chat"


async def test_spans_nest_in_coroutines(llm, spans):
    assert inspect.iscoroutinefunction(llm.apredict)
    await llm.apredict(PROMPT, place="Paris")
    parents = dict(reversed(spans))
    assert parents["Leeroo.apredict"] == ""
    assert parents["Leeroo.achat"] == "Leeroo.apredict"
    assert parents["EndpointLLM.achat"] == "Leeroo.achat"


def test_a_subclass_has_spans_too(server, predictor, spans):
    class Mine(Leeroo):
        def chat(self, messages, **kwargs):
            return super().chat(messages, **kwargs)

    Mine.from_pool(pool_of(server), predictor=predictor).chat(HELLO)
    assert spans[:3] == [("Mine.chat", ""), ("Mine.chat", "Mine.chat"), ("EndpointLLM.chat", "Mine.chat")]


@pytest.mark.parametrize("source", [None, "root", "llamaindex_leeroo.llm", "llamaindex_leeroo.events"])
def test_a_span_is_made_where_anybody_may_ask_for_it(source, llm):
    class Limiter:
        def acquire(self):
            made.append(active_span_id.get())

    made = []
    llm.rate_limiter = Limiter()
    listeners = get_dispatcher(source).event_handlers if source else []
    handler = Events(seen=[])
    listeners.append(handler)
    try:
        llm.chat(HELLO)
    finally:
        listeners.remove(handler)
    assert bool(made[0]) == bool(source)
    assert all(event.span_id == made[0] for event in of(RoutingEvent, handler.seen))


@pytest.mark.parametrize("way", WAYS)
async def test_the_token_counter_counts_once_and_right(way, server, predictor):
    counter = TokenCountingHandler(tokenizer=str.split)
    manager = CallbackManager([counter])
    llm = Leeroo.from_pool(pool_of(server), predictor=predictor, tolerance=0.5, callback_manager=manager)
    await call(way, llm)
    structured = way == "as_structured_llm"  # LlamaIndex's wrapper emits an event of its own, with any LLM
    counts = counter.llm_token_counts[: 1 if structured else None]
    assert [(c.prompt_token_count, c.completion_token_count) for c in counts] == [(READ, WRITTEN)]


def test_engines_may_set_the_callback_manager_late(llm):
    llm.chat(HELLO)  # the expert's LLM exists already
    counter = TokenCountingHandler(tokenizer=str.split)
    llm.callback_manager = CallbackManager([counter])
    llm.chat(HELLO)
    llm.with_budget(max_cost=0.1).chat(HELLO)
    assert counter.total_llm_token_count == 2 * (READ + WRITTEN)


def test_one_trace_for_a_whole_query(llm):
    debug = LlamaDebugHandler(print_trace_on_end=False)
    Settings.callback_manager = CallbackManager([debug])
    index = VectorStoreIndex.from_documents([Document(text="Paris.")], embed_model=MockEmbedding(embed_dim=8))
    index.as_query_engine(llm=llm).query("Capital?")
    assert llm.callback_manager is Settings.callback_manager, "LlamaIndex's engines overwrite it"
    (pair,) = debug.get_event_pairs(CBEventType.LLM)
    assert pair[0].payload["serialized"]["model_name"] == "small-model"
    assert len(debug.get_event_pairs(CBEventType.QUERY)) == 1, "the expert's call did not begin a trace of its own"
    index.as_query_engine(llm=llm, output_cls=City).query("Capital?")
    assert len(debug.get_event_pairs(CBEventType.LLM)) == 2
    assert len(debug.get_event_pairs(CBEventType.QUERY)) == 2


def test_an_experts_own_callbacks_are_kept_where_the_router_has_none(server, predictor):
    from llama_index.llms.openai_like import OpenAILike

    counter = TokenCountingHandler(tokenizer=str.split)
    given = OpenAILike(
        model="small-model",
        api_base=server.url,
        api_key="x",
        is_chat_model=True,
        is_function_calling_model=True,
        callback_manager=CallbackManager([counter]),
    )
    llm = Leeroo(experts={"small": {"model": given, "price": {"input": 1, "output": 4}}}, predictor=predictor)
    llm.chat(HELLO)
    llm.structured_predict(City, PROMPT, place="Paris")
    assert counter.total_llm_token_count == 2 * (READ + WRITTEN)


async def test_a_consultation_tells_each_ask_answer_and_stop(llm, events, server):
    question = "Which gas do plants take in?\nA. Oxygen\nB. Carbon dioxide\nC. Helium"
    server.behave("small-model", {"text": "The answer is A."})
    server.behave("large-model", {"text": "The answer is B."})
    for ask in (llm.complete, llm.acomplete):
        events.clear()
        answer = ask(question, consult=True, min_quality=0.99)
        if inspect.isawaitable(answer):
            await answer
        told = of(RoutingEvent, events)
        stages = [event.stage for event in told]
        asks = told[-1].record["consult"]["asks"]
        assert stages == ["asking", "answered"] * len(asks) + ["stopped", "ended"]
        assert {event.call_id for event in told} == {told[-1].call_id}
        assert "plants" not in str([event.record for event in told])
