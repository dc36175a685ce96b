"""What a call does: delegation, streams, tools, budgets and their precedence, sticky tool loops, failover."""

import asyncio
import pickle
import subprocess
import sys
import threading

import pytest
from langchain_core.callbacks import BaseCallbackHandler, get_usage_metadata_callback
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage, trim_messages
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.rate_limiters import BaseRateLimiter
from langchain_core.runnables import ConfigurableField

import leeroo
from langchain_leeroo import ChatLeeroo
from leeroo import Expert, ExpertsFailed, Price
from tests.langchain.cases import add, record


class Runs(BaseCallbackHandler):
    """Notes every run's start and end."""

    def __init__(self):
        self.chains, self.models, self.ends, self.errors = [], [], [], []

    def on_chain_start(self, serialized, inputs, *, run_id, metadata=None, tags=None, name=None, **kwargs):
        self.chains.append({"id": run_id, "name": name, "metadata": metadata or {}, "tags": tags})

    def on_chat_model_start(self, serialized, messages, *, run_id, parent_run_id=None, metadata=None, tags=None, **kw):
        run = {"id": run_id, "parent": parent_run_id, "metadata": metadata or {}, "tags": tags, "name": kw.get("name")}
        self.models.append(run)

    def on_llm_end(self, response, *, run_id, **kwargs):
        self.ends.append(run_id)

    def on_llm_error(self, error, *, run_id, **kwargs):
        self.errors.append(run_id)


def test_import_is_light():
    heavy = ["torch", "transformers", "pandas", "sqlalchemy", "matplotlib", "onnxruntime", "langchain_openai", "openai"]
    code = f"import sys, langchain_leeroo; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_record(make):
    message = make().invoke("hi", max_cost=0.2)
    assert message.content == "large says hello"
    assert message.response_metadata["model_name"] == "l-1"
    entry = record(message)
    assert entry["expert"] == "large"
    assert entry["input_tokens"] == 10
    assert entry["output_tokens"] == 5
    assert entry["cost"] == pytest.approx(10 * 10e-6 + 5 * 20e-6)
    assert entry["remaining"] == pytest.approx(0.2 - entry["cost"])
    assert not entry["cost_is_estimate"]
    assert leeroo.last_call()["call_id"] == entry["call_id"]


def test_cached_input_is_priced_as_cached(make, fake):
    class Caching(fake):
        def _usage(self):
            details = {"cache_read": 8}
            return {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15, "input_token_details": details}

    price = Price(input=10, output=20, cached_input=1)
    entry = record(make(experts={"a": Expert(model=Caching(), price=price)}).invoke("hi"))
    assert entry["cached_tokens"] == 8
    assert entry["cost"] == pytest.approx(2 * 10e-6 + 8 * 1e-6 + 5 * 20e-6)


def test_one_chain_run_and_one_llm_run_per_attempt(make, fake, http_error):
    runs = Runs()
    llm = make(large=fake(error=http_error(503)))
    config = {"callbacks": [runs], "tags": ["mine"], "metadata": {"user": "u"}, "run_name": "router"}
    llm.invoke("hi", config=config)
    (chain,) = runs.chains
    assert chain["name"] == "router"
    assert chain["metadata"]["leeroo"]["expert"] == "large"
    assert chain["metadata"]["user"] == "u"
    assert [m["parent"] for m in runs.models] == [chain["id"]] * 2
    assert [m["metadata"]["leeroo_expert"] for m in runs.models] == ["large", "small"]
    assert all("mine" in m["tags"] and m["metadata"]["user"] == "u" for m in runs.models)
    assert "leeroo" not in runs.models[0]["metadata"]
    assert (runs.errors, runs.ends) == ([runs.models[0]["id"]], [runs.models[1]["id"]])


def test_callbacks_of_the_constructor_see_the_experts_run(make):
    runs = Runs()
    make(callbacks=[runs], tags=["t"]).invoke("hi")
    assert len(runs.chains) == len(runs.models) == 1
    assert "t" in runs.models[0]["tags"]


@pytest.mark.parametrize("way", ["invoke", "stream", "generate", "batch"])
def test_usage_is_counted_once(make, way):
    with get_usage_metadata_callback() as counted:
        {
            "invoke": lambda llm: llm.invoke("hi"),
            "stream": lambda llm: list(llm.stream("hi")),
            "generate": lambda llm: llm.generate([[HumanMessage("hi")]]),
            "batch": lambda llm: llm.batch(["hi"]),
        }[way](make())
    assert counted.usage_metadata["l-1"]["total_tokens"] == 15


def test_stream_has_the_record_on_its_last_chunk_only(make):
    chunks = list(make().stream("hi"))
    assert [bool(c.response_metadata.get("leeroo")) for c in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1].chunk_position == "last"
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert whole.content == "large says hello "
    assert record(whole)["output_tokens"] == 5
    assert whole.usage_metadata["total_tokens"] == 15


async def test_async_ways_agree(make):
    llm = make()
    assert (await llm.ainvoke("hi")).content == "large says hello"
    chunks = [chunk async for chunk in llm.astream("hi")]
    assert record(chunks[-1])["expert"] == "large"
    assert (await llm.agenerate([[HumanMessage("hi")]] * 2)).generations[1][0].text == "large says hello"
    assert [m.content for m in await llm.abatch(["a", "b"])] == ["large says hello"] * 2


async def test_the_runs_name_is_the_models_as_well(make):
    """`astream_events(include_names=...)` looks for the model's events by the name that was given."""
    llm = make()
    kinds = [
        event["event"]
        async for event in llm.astream_events("hi", {"run_name": "mine"}, version="v2", include_names=["mine"])
    ]
    assert {"on_chat_model_start", "on_chat_model_stream", "on_chat_model_end"} <= set(kinds)
    runs = Runs()
    llm.invoke("hi", {"callbacks": [runs], "run_name": "mine"})
    assert [chain["name"] for chain in runs.chains] == [model["name"] for model in runs.models] == ["mine"]
    nameless = Runs()
    llm.invoke("hi", {"callbacks": [nameless]})
    assert [chain["name"] for chain in nameless.chains] == ["ChatLeeroo"]
    assert [model["name"] for model in nameless.models] == [None], "LangChain then takes its class"


async def test_event_streams(make):
    llm = make()
    kinds = [event["event"] async for event in llm.astream_events("hi", version="v2")]
    assert kinds.count("on_chat_model_start") == kinds.count("on_chain_start") == 1
    assert "on_chain_stream" in kinds
    assert kinds.count("on_chat_model_stream") >= 3
    stream = await llm.astream_events("hi", version="v3")
    assert "".join([text async for text in stream.text]) == "large says hello "
    assert record(await stream)["expert"] == "large"
    sync = llm.stream_events("hi", version="v3")
    assert str(sync.text) == "large says hello "
    assert record(sync.output)["expert"] == "large"


def test_a_model_that_cannot_stream(make):
    plain = Expert(model=FakeListChatModel(responses=["abc"], disable_streaming=True), price=Price(input=1, output=1))
    chunks = list(make(experts={"a": plain}).stream("hi"))
    assert "".join(c.content for c in chunks) == "abc"
    assert record(chunks[-1])["expert"] == "a"


def test_failover_before_the_first_chunk(make, fake, http_error):
    chunks = list(make(large=fake(error=http_error(429))).stream("hi"))
    assert chunks[0].content == "small "
    assert [a["error"] for a in record(chunks[-1])["attempts"]] == ["rate_limit", None]


def test_a_router_among_the_experts(make, fake, http_error):
    def of(inner):
        return Expert(model=inner, price=Price(input=1, output=1))

    broken = make(fake(error=http_error(500)), fake(error=http_error(500)))
    outer = make(experts={"inner": of(make()), "last": of(fake(says="last"))}, expert="inner")
    message = outer.invoke("hi")
    assert message.content == "large says hello"
    assert record(message)["expert"] == "inner"
    assert make(experts={"inner": of(broken), "last": of(fake(says="last"))}).invoke("hi").content == "last"


def test_max_retries_limits_the_fallbacks(make, fake, http_error):
    small = fake()
    with pytest.raises(ExpertsFailed, match="large: server"):
        make(small, fake(error=http_error(500)), max_retries=0).invoke("hi")
    assert not small.seen


def test_a_stream_that_breaks_half_way_has_what_came_and_its_price(make, fake):
    small = fake()
    with leeroo.budget() as spent:
        stream = make(small, fake(says="one two three", breaks_after=2)).stream("hi")
        assert [next(stream).content, next(stream).content] == ["one ", "two "]
        with pytest.raises(ExpertsFailed, match="after the answer had begun") as caught:
            next(stream)
    assert caught.value.received.content == "one two "
    assert caught.value.record["cost"] == pytest.approx(spent.cost)
    assert spent.cost > 0
    assert not small.seen, "the caller has seen the beginning: nobody else may go on"


def test_a_closed_stream_is_settled(make):
    with leeroo.budget() as spent:
        stream = make().stream("hi")
        next(stream)
        stream.close()
    assert spent.calls == 1
    record = leeroo.last_call()
    assert record["attempts"][0]["error"] == "cancelled"
    # Nobody knows what was worked on behind the pieces that came.
    assert spent.cost == next(c["worst_cost"] for c in record["candidates"] if c["expert"] == record["expert"])


async def test_a_cancelled_async_stream_is_settled(make, fake):
    class Slow(fake):
        async def _astream(self, messages, stop=None, run_manager=None, **kwargs):
            for chunk in self._stream(messages):
                yield chunk
                await asyncio.sleep(0.05)

    async def read(llm):
        async for chunk in llm.astream("hi"):
            assert chunk.content is not None

    with leeroo.budget() as spent:
        task = asyncio.create_task(read(make(large=Slow(says="a b c d e f g h i j k"))))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert spent.calls == 1
    assert spent.cost > 0


def test_nearest_budget_wins(make):
    llm = make(max_cost=0.5)

    def cap(message):
        return record(message)["budget"]["max_cost"]

    assert cap(llm.invoke("hi")) == 0.5
    with leeroo.budget(max_cost=0.4):
        assert cap(llm.invoke("hi")) == 0.4
        assert cap(llm.invoke("hi", config={"configurable": {"max_cost": 0.35}})) == 0.35
        assert cap(llm.bind(max_cost=0.3).invoke("hi")) == 0.3
        assert cap(llm.bind(max_cost=0.3).invoke("hi", max_cost=0.2)) == 0.2
        assert cap(llm.with_config(configurable={"max_cost": 0.25}).invoke("hi")) == 0.25
        assert cap((ChatPromptTemplate.from_template("{q}") | llm.bind(max_cost=0.3)).invoke({"q": "hi"})) == 0.3


def test_a_bound_budget_survives_tools_and_schemas_bound_after_it(make):
    bound = make().bind(max_cost=0.3)
    assert record(bound.bind_tools([add]).invoke("hi"))["budget"]["max_cost"] == 0.3
    assert (
        bound.with_config(configurable={"tolerance": 0.5}).bind_tools([add]).invoke("hi").content == "small says hello"
    )


def test_configurable_fields_share_the_router(make):
    llm = make()
    configurable = llm.configurable_fields(
        max_cost=ConfigurableField(id="max_cost"), tolerance=ConfigurableField(id="how_near")
    )
    message = configurable.invoke("hi", config={"configurable": {"how_near": 0.5}})
    assert record(message)["expert"] == "small"
    assert configurable.with_config(configurable={"how_near": 0.5}).prepare()[0].router is llm.router


def test_concurrent_calls_never_see_each_others_budget(make):
    llm, seen = make(), {}

    def one(cap):
        with leeroo.budget(max_cost=cap):
            seen[cap] = {record(m)["budget"]["max_cost"] for m in llm.batch(["hi"] * 4)}

    threads = [threading.Thread(target=one, args=(0.1 + i / 100,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 6
    assert all(caps == {cap} for cap, caps in seen.items())


async def test_gathered_calls_keep_their_budgets(make):
    llm = make()

    async def one(cap):
        with leeroo.budget(max_cost=cap):
            await asyncio.sleep(0)
            return record(await llm.ainvoke("hi"))["budget"]["max_cost"]

    caps = [0.1 + i / 100 for i in range(20)]
    assert await asyncio.gather(*map(one, caps)) == caps


def test_model_kwarg_pins_by_name_or_model(make):
    assert record(make().invoke("hi", model="small"))["expert"] == "small"
    sent = make()
    assert record(sent.bind(model="s-1").invoke("hi"))["expert"] == "small"


def test_settings_reach_the_expert(make, fake):
    large = fake()
    llm = make(large=large, temperature=0.3, max_tokens=70, stop=["END"], model_kwargs={"seed": 7})
    llm.invoke("hi", top_p=0.5)
    assert large.seen[-1].items() >= {"temperature": 0.3, "max_tokens": 70, "seed": 7, "top_p": 0.5}.items()
    assert large.seen[-1]["stop"] == ["END"]
    llm.invoke("hi", stop=["X"], temperature=0.9)
    assert large.seen[-1]["stop"] == ["X"]
    assert large.seen[-1]["temperature"] == 0.9
    llm.invoke("hi", stop="Y", max_completion_tokens=90)
    assert large.seen[-1]["stop"] == ["Y"]
    assert large.seen[-1]["max_tokens"] == 90


def test_the_budget_lowers_the_output_cap(make, fake):
    large = fake()
    make(large=large).invoke("hi", max_cost=0.003)
    assert 50 <= large.seen[-1]["max_tokens"] <= 150


def test_expert_stop_sequences_are_added(make, fake):
    model = fake()
    base = Expert(model=model, price=Price(input=1, output=1), stop=("\nQuestion:",))
    make(experts={"a": base}).invoke("hi", stop=["X"])
    assert model.seen[-1]["stop"] == ["X", "\nQuestion:"]


def test_tools_are_replayed_raw_with_their_choice(make, fake):
    large = fake()
    bound = make(large=large).bind_tools([add], tool_choice="add", strict=True)
    bound.invoke("2+2?")
    assert large.seen[-1]["bound_tools"] == [add]
    assert large.seen[-1]["tool_choice"] == "add"
    assert large.seen[-1]["strict"] is True


def test_a_tool_loop_stays_and_the_next_turn_is_free(make, fake):
    small = fake(tool_calls=[{"name": "add", "args": {"a": 1, "b": 2}, "id": "c1"}])
    llm = make(small=small).bind_tools([add])
    first = llm.invoke("1+2?", expert="small")
    loop = [HumanMessage("1+2?"), first, ToolMessage("3", tool_call_id="c1")]
    again = llm.invoke(loop)
    assert record(again)["expert"] == "small"
    assert "tool loop" in record(again)["rule"]
    assert record(llm.invoke([*loop, again, HumanMessage("thanks, and 2+2?")]))["expert"] == "large"


def test_a_tool_loop_is_known_from_its_message_in_another_process(make):
    call = {"name": "add", "args": {}, "id": "elsewhere", "type": "tool_call"}
    before = AIMessage("", tool_calls=[call], response_metadata={"leeroo": {"expert": "small"}})
    messages = [HumanMessage("1+2?"), before, ToolMessage("3", tool_call_id="elsewhere")]
    assert record(make().bind_tools([add]).invoke(messages))["expert"] == "small"


def test_staying_is_cheaper_where_the_history_is_cached(make, fake):
    def of(price_in):
        # Without usage of its own: one that reports 10 tokens of 4,000 has read a part of them.
        return Expert(model=fake(usage=False), price=Price(input=price_in, output=1, cached_input=0.1))

    llm = make(experts={"small": of(10), "large": of(9)}, tolerance=1.0)
    history = [SystemMessage("x " * 4000), HumanMessage("hi")]
    assert record(llm.invoke(history))["expert"] == "large"
    usage = {"input_tokens": 4000, "output_tokens": 5, "total_tokens": 4005}
    answer = AIMessage("hello", usage_metadata=usage, response_metadata={"leeroo": {"expert": "small"}})
    assert record(llm.invoke([*history, answer, HumanMessage("and?")]))["expert"] == "small"


def test_with_fallbacks_and_with_retry(make, fake, http_error):
    broken = make(fake(error=http_error(500)), fake(error=http_error(500)))
    assert broken.with_fallbacks([make()]).bind_tools([add]).invoke("hi").content == "large says hello"
    assert broken.with_fallbacks([make()]).invoke("hi").content == "large says hello"
    model = fake(error=ConnectionError("x"))
    with pytest.raises(ExpertsFailed):
        make(experts={"a": Expert(model=model, price=Price(input=1, output=1))}, max_retries=0).with_retry(
            stop_after_attempt=2, wait_exponential_jitter=False
        ).invoke("hi")
    assert len(model.seen) == 2


async def test_rate_limiter_is_asked_before_every_attempt(make, fake, http_error):
    class Limiter(BaseRateLimiter):
        asked = ()

        def acquire(self, *, blocking=True):
            self.asked += ("sync",)
            return True

        async def aacquire(self, *, blocking=True):
            self.asked += ("async",)
            return True

    limiter = Limiter()
    llm = make(large=fake(error=http_error(500)), rate_limiter=limiter)
    llm.invoke("hi")
    list(llm.stream("hi"))
    assert limiter.asked == ("sync",) * 4
    await llm.ainvoke("hi")
    assert limiter.asked[4:] == ("async",) * len(limiter.asked[4:]) != ()


def test_tokens_are_counted_without_the_network(make):
    llm = make()
    assert 3 <= llm.get_num_tokens("one two three four") <= 12
    one = llm.get_num_tokens_from_messages([HumanMessage("hi")])
    assert llm.get_num_tokens_from_messages([HumanMessage("hi")], tools=[add]) > one
    assert trim_messages([HumanMessage("a " * 500), HumanMessage("b")], max_tokens=100, token_counter=llm)


def test_chains_with_threads_keep_each_inputs_budget(make):
    chain = ChatPromptTemplate.from_template("{q}") | make() | (lambda m: record(m)["budget"]["max_cost"])
    configs = [{"configurable": {"max_cost": 0.1 + i / 100}} for i in range(8)]
    assert chain.batch([{"q": "hi"}] * 8, configs) == [0.1 + i / 100 for i in range(8)]


async def test_bound_event_streams(make):
    bound = make().bind_tools([add], tolerance=0.5)
    stream = bound.stream_events("hi", version="v3")
    assert record(stream.output)["expert"] == "small"
    stream = await bound.astream_events("hi", version="v3")
    assert record(await stream.output)["expert"] == "small"


def test_pickle_and_copy():
    model = FakeListChatModel(responses=["abc"])
    llm = ChatLeeroo(experts={"a": Expert(model=model, price=Price(input=1, output=1))}, max_cost=0.5, expert="a")
    again = pickle.loads(pickle.dumps(llm))
    assert again.max_cost == 0.5
    assert again.router.pool.names == ("a",)
    bound = pickle.loads(pickle.dumps(llm.bind_tools([{"title": "t", "description": "d"}])))
    assert bound.kwargs["tools"] == [{"title": "t", "description": "d"}]


def test_langsmith_and_identity(make):
    llm = make(temperature=0.1)
    params = llm._get_ls_params(stop=["x"])
    assert params["ls_model_name"] == "leeroo"
    assert params["ls_temperature"] == 0.1
    assert llm._get_ls_params(model="s-1")["ls_model_name"] == "s-1"
    assert llm._identifying_params["experts"] == {"small": "s-1", "large": "l-1"}
    before = llm._get_llm_string()
    llm.invoke("hi")
    assert llm._get_llm_string() == before, "the identity is the pool, never its state"


def test_selector_decides_and_calls_nobody(make, fake):
    large = fake()
    llm = make(large=large)
    decision = llm.selector(tolerance=0.5).invoke("hi")
    assert decision["expert"] == "small"
    assert decision["order"] == ["small", "large"]
    assert {c["expert"] for c in decision["candidates"]} == {"small", "large"}
    assert not large.seen
    assert (llm.selector() | (lambda d: d["expert"])).invoke("hi") == "large"


def test_joint_batch_keeps_order_and_total(make, fake):
    class Echo(fake):
        def _generate(self, messages, stop=None, run_manager=None, **kwargs):
            return type(self)(says=str(messages[-1].content), usage=False)._super(messages)

        def _super(self, messages):
            return super()._generate(messages)

    llm = make(Echo(), Echo())
    inputs = [f"question {i}" for i in range(6)]
    with leeroo.budget() as spent:
        answers = llm.batch(inputs, max_total_cost=0.005)
    assert [m.content for m in answers] == inputs
    assert spent.cost <= 0.005
    chosen = [record(m)["expert"] for m in answers]
    assert set(chosen) == {"small", "large"}, "the total pays for the large one in part"
    assert sum(record(m)["budget"]["max_cost"] for m in answers) <= 0.005 + 1e-9
    assert all(record(m)["rule"].endswith("joint batch") for m in answers)


def test_joint_batch_that_cannot_be_paid_spends_nothing(make, fake):
    large = fake()
    with pytest.raises(leeroo.BudgetExceeded, match="max_total_cost"):
        make(large=large).batch(["hi"] * 50, max_total_cost=2e-3)
    assert not large.seen


async def test_joint_batches_as_completed_and_async(make):
    llm = make()
    with leeroo.budget() as spent:
        done = dict(llm.batch_as_completed(["a", "b", "c"], max_total_cost=0.05))
        assert sorted(done) == [0, 1, 2]
        assert len(await llm.abatch(["a", "b"], max_total_cost=0.05)) == 2
        pairs = [pair async for pair in llm.abatch_as_completed(["a", "b"], max_total_cost=0.05)]
    assert sorted(i for i, _ in pairs) == [0, 1]
    assert spent.calls == 7
