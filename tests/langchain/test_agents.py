"""Agents and graphs take the router unchanged: loops stay, text comes once, nodes keep their budgets."""

import warnings
from typing import Annotated, TypedDict

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelCallLimitMiddleware, SummarizationMiddleware
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import create_react_agent

import leeroo
from leeroo import Expert, Price
from tests.langchain.cases import Sum, add


class State(TypedDict):
    messages: Annotated[list, add_messages]


def adds_then_answers(messages):
    if isinstance(messages[-1], ToolMessage):
        return {"content": f"it is {messages[-1].content}"}
    return {"content": "", "tool_calls": [{"name": "add", "args": {"a": 1, "b": 2}, "id": f"c{len(messages)}"}]}


def experts_of(messages):
    return [m.response_metadata["leeroo"]["expert"] for m in messages if isinstance(m, AIMessage)]


@pytest.fixture
def adding(make, fake):
    return make(fake(script=adds_then_answers), fake(script=adds_then_answers))


def test_an_agents_tool_loop(adding):
    with leeroo.budget() as spent:
        state = create_agent(adding, [add]).invoke({"messages": [HumanMessage("1+2?")]})
    assert state["messages"][-1].text.strip() == "it is 3"
    assert experts_of(state["messages"]) == ["large", "large"]
    assert spent.calls == 2


def test_a_loop_begun_by_the_small_expert_stays_there_when_the_budget_grows(adding, make):
    agent = create_agent(adding, [add], checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "t", "tolerance": 0.5}}
    state = agent.invoke({"messages": [HumanMessage("1+2?")]}, thread)
    assert experts_of(state["messages"]) == ["small", "small"]
    state = agent.invoke({"messages": [HumanMessage("again")]}, {"configurable": {"thread_id": "t"}})
    assert experts_of(state["messages"]) == ["small", "small", "large", "large"]


async def test_agent_text_is_streamed_once(adding):
    agent = create_agent(adding, [add])
    text = ""
    async for message, _ in agent.astream({"messages": [HumanMessage("1+2?")]}, stream_mode="messages"):
        if isinstance(message, AIMessage):
            text += message.text
    assert text.split() == ["it", "is", "3"]


async def test_agent_events_show_each_call_once(adding):
    agent = create_agent(adding, [add])
    events = [e async for e in agent.astream_events({"messages": [HumanMessage("1+2?")]}, version="v2")]
    assert sum(e["event"] == "on_chat_model_start" for e in events) == 2
    assert sum(e["event"] == "on_chain_start" and e["name"] == "ChatLeeroo" for e in events) == 2


def test_a_model_with_bound_tools_is_read_by_langgraph(adding):
    bound = adding.bind_tools([add])
    assert bound.kwargs["tools"][0]["function"]["name"] == "add"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # langgraph would rather have `create_agent` used
        agent = create_react_agent(bound, [add])
    state = agent.invoke({"messages": [HumanMessage("1+2?")]})
    assert state["messages"][-1].text.strip() == "it is 3"


def test_structured_output_by_tool_strategy(make, fake):
    def answers(messages):
        return {"content": "", "tool_calls": [{"name": "Sum", "args": {"value": 3}, "id": "c1"}]}

    large = fake(script=answers)
    state = create_agent(make(large=large), [], response_format=ToolStrategy(Sum)).invoke({"messages": ["1+2?"]})
    assert state["structured_response"] == Sum(value=3)
    assert large.seen[-1]["tool_choice"] == "any"


def test_structured_output_by_provider_strategy(make, fake):
    large = fake(says='{"value": 3}')
    able = Expert(model=large, price=Price(input=1, output=1), capabilities={"structured_output"})
    llm = make(experts={"large": able})
    assert llm.profile["structured_output"]
    for strategy in (ProviderStrategy(Sum), Sum):
        state = create_agent(llm, [], response_format=strategy).invoke({"messages": ["1+2?"]})
        assert state["structured_response"] == Sum(value=3)
        assert large.seen[-1]["response_format"]["type"] == "json_schema"


def test_structured_output_is_promised_only_where_it_is_known(make, fake):
    """Of a model that says nothing, `create_agent` takes the way that works with any model: a tool."""

    def answers(messages):
        return {"content": "", "tool_calls": [{"name": "Sum", "args": {"value": 3}, "id": "c1"}]}

    large = fake(script=answers)
    llm = make(large=large)
    assert "structured_output" not in llm.profile
    state = create_agent(llm, [], response_format=Sum).invoke({"messages": ["1+2?"]})
    assert state["structured_response"] == Sum(value=3)
    assert "response_format" not in large.seen[-1]
    knows = make(large=fake(profile={"structured_output": True}), small=fake(profile={"structured_output": True}))
    assert knows.profile["structured_output"] is True
    one_cannot = make(large=fake(profile={"structured_output": True}), small=fake(profile={"structured_output": False}))
    assert one_cannot.profile["structured_output"] is False


def test_an_expert_keeps_its_models_own_profile(make, fake):
    own = {"max_input_tokens": 9000, "max_output_tokens": 777, "image_inputs": True}
    price = Price(input=1, output=1)
    for given in (Expert(model=fake(profile=own), price=price), {"model": fake(profile=own), "price": price}):
        llm = make(experts={"a": given})
        expert = llm.router.pool["a"]
        assert expert.context_window == 9000
        assert expert.max_output_tokens == 777
        assert "vision" in expert.capabilities
        assert llm.profile["max_input_tokens"] == 9000
        assert llm.profile["image_inputs"] is True
    said = Expert(model=fake(profile=own), price=price, context_window=500, capabilities={"tools"})
    expert = make(experts={"a": said}).router.pool["a"]
    assert (expert.context_window, expert.capabilities) == (500, {"tools"}), "what is declared wins"


def test_a_capability_that_nobody_declared_names_the_remedy(make):
    picture = HumanMessage([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}])
    with pytest.raises(leeroo.NoEligibleExpert, match=r"cannot do vision.*capabilities="):
        make().invoke([picture])


def test_summarization_and_call_limit(make, fake):
    large = fake(says="short")
    llm = make(large=large)
    middleware = [SummarizationMiddleware(llm, trigger=("messages", 4), keep=("messages", 2))]
    middleware.append(ModelCallLimitMiddleware(run_limit=1))
    agent = create_agent(llm, [], middleware=middleware)
    history = [HumanMessage("a"), AIMessage("b"), HumanMessage("c"), AIMessage("d"), HumanMessage("e")]
    state = agent.invoke({"messages": history})
    assert state["messages"][-1].content == "short"
    assert len(large.seen) == 2, "one call for the summary, one for the answer"


def test_summarization_by_reported_tokens(make, fake):
    """The middleware believes a message's own count where message and model name the same provider."""

    class Reporting(fake):
        def _get_ls_params(self, stop=None, **kwargs):
            return {**super()._get_ls_params(stop, **kwargs), "ls_provider": "acme"}

    llm = make(Reporting(), Reporting(says="short"))
    assert llm._get_ls_params()["ls_provider"] == "acme"
    assert make(Reporting(), fake())._get_ls_params()["ls_provider"] == "leeroo", "they share none"
    usage = {"input_tokens": 9_000, "output_tokens": 1, "total_tokens": 9_001}
    answer = AIMessage("b", usage_metadata=usage, response_metadata={"model_provider": "acme"})
    middleware = SummarizationMiddleware(llm, trigger=("tokens", 8_000), keep=("messages", 1))
    agent = create_agent(llm, [], middleware=[middleware])
    state = agent.invoke({"messages": [HumanMessage("a"), answer, HumanMessage("c")]})
    assert "short" in state["messages"][0].text


def test_summarization_reads_the_profile(make, fake):
    experts = make().experts
    small = experts["small"].model_copy(update={"context_window": 1000})
    llm = make(experts={"small": small, "large": experts["large"]})
    assert llm.profile["max_input_tokens"] == 1000
    SummarizationMiddleware(llm, trigger=("fraction", 0.5), keep=("fraction", 0.3))


def test_nodes_of_a_graph_have_their_own_budgets(make):
    llm = make()

    def draft(state):
        return {"messages": [llm.invoke(state["messages"], tolerance=0.5, max_cost=0.01)]}

    def check(state):
        with leeroo.budget(max_cost=0.2):
            return {"messages": [llm.invoke([HumanMessage("check: " + state["messages"][-1].text)])]}

    inner = StateGraph(State).add_node("check", check).add_edge(START, "check").add_edge("check", END).compile()
    graph = StateGraph(State).add_node("draft", draft).add_node("inner", inner)
    graph = graph.add_edge(START, "draft").add_edge("draft", "inner").add_edge("inner", END).compile()
    with leeroo.budget(max_total_cost=1.0) as spent:
        state = graph.invoke({"messages": [HumanMessage("hi")]})
    assert experts_of(state["messages"]) == ["small", "large"]
    caps = [m.response_metadata["leeroo"]["budget"]["max_cost"] for m in state["messages"][1:]]
    assert caps == [0.01, 0.2]
    assert spent.calls == 2


def test_an_agent_stops_at_the_total(adding):
    agent = create_agent(adding, [add])
    with leeroo.budget(max_total_cost=0.00001) as spent, pytest.raises(leeroo.BudgetExceeded):
        agent.invoke({"messages": [HumanMessage("1+2?")]})
    assert spent.cost == 0
