"""Copies in memory and on disk, names, metadata, and what an import costs."""

import copy
import json
import pickle
import subprocess
import sys

import pytest
from llama_index.core.llms import LLM, ChatMessage, CustomLLM, MockLLM
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.llms.openai_like import OpenAILike

from leeroo import ConfigError, Expert, Price, Router
from leeroo.prediction import ConstantPredictor
from llamaindex_leeroo import Leeroo, RoutingEvent
from tests.llamaindex.conftest import QUALITY, pool_of
from tests.llamaindex.test_calls import HELLO, PARIS, PROMPT, City

SECRET = "sk-very-secret-0123456789"


def given(server, **fields):
    return OpenAILike(
        model="given-model",
        api_base=server.url,
        api_key=SECRET,
        default_headers={"Authorization": SECRET},
        is_chat_model=True,
        is_function_calling_model=True,
        context_window=16_000,
        **fields,
    )


@pytest.fixture
def mixed(server):
    experts = {"given": {"model": given(server), "price": {"input": 1, "output": 2}}, **pool_of(server)["experts"]}
    return Leeroo(experts=experts, predictor=ConstantPredictor(QUALITY), reference="large", max_cost=0.5, role="writer")


def test_both_ways_to_import_it():
    from llama_index.llms.leeroo import Leeroo as Same

    assert Same is Leeroo
    assert issubclass(Leeroo, FunctionCallingLLM)
    assert Leeroo.class_name() == "leeroo"
    import llama_index
    import llama_index.llms

    assert getattr(llama_index, "__file__", None) is None
    assert getattr(llama_index.llms, "__file__", None) is None


def test_metadata_holds_for_whichever_expert_answers(mixed):
    assert mixed.metadata.context_window == 16_000
    assert mixed.metadata.num_output == -1
    assert mixed.metadata.is_chat_model
    assert mixed.metadata.is_function_calling_model
    assert mixed.metadata.model_name == "leeroo(given, small, large)"


def test_no_secret_in_any_form(mixed):
    mixed.chat(HELLO)
    forms = [json.dumps(mixed.to_dict()), mixed.to_json(), repr(mixed), str(mixed), json.dumps(mixed.to_payload())]
    forms += [json.dumps(mixed.model_dump()), mixed.model_dump_json()]
    for form in forms:
        assert SECRET not in form
    assert "given-model" in forms[0]


def test_to_dict_and_back(mixed, server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "from-the-environment")
    data = json.loads(mixed.to_json())
    again = Leeroo.from_dict(data, predictor=ConstantPredictor(QUALITY))
    assert again.router.pool.names == ("given", "small", "large")
    assert again.router.pool.reference == "large"
    assert (again.max_cost, again.role) == (0.5, "writer")
    assert [e.price for e in again.router.pool] == [e.price for e in mixed.router.pool]
    for name in again.router.pool.names:
        assert again.chat(HELLO, expert=name).message.content == PARIS
    data["experts"]["given"]["model"]["class_name"] = "NoSuchLLM"
    with pytest.raises(ConfigError, match="NoSuchLLM"):
        Leeroo.from_dict(data)


def test_pickle(mixed):
    mixed.chat(HELLO)  # with clients and locks made
    again = pickle.loads(pickle.dumps(mixed.with_budget(scope="team")))
    assert again.bound == {"scope": "team"}
    assert again.role == "writer"
    assert again.router is not mixed.router
    assert again.chat(HELLO, expert="small").message.content == PARIS


@pytest.mark.parametrize(
    "make", [copy.copy, copy.deepcopy, lambda m: m.model_copy(), lambda m: m.model_copy(deep=True)]
)
def test_copies_share_the_router(make, mixed):
    assert make(mixed).router is mixed.router
    assert make(mixed).chat(HELLO, expert="small").message.content == PARIS


def test_a_router_can_be_shared(server):
    router = Router.from_pool(pool_of(server, budget={"expert": "large"}), predictor=ConstantPredictor(QUALITY))
    llm = Leeroo(router=router)
    assert llm.chat(HELLO).additional_kwargs["leeroo"]["expert"] == "large"
    assert len(router.ledger.calls()) == 1


class Counting(CustomLLM):
    """A user's LLM that keeps state in its own fields."""

    calls: int = 0

    @property
    def metadata(self):
        return MockLLM().metadata

    def complete(self, prompt, formatted=False, **kwargs):
        self.calls += 1
        return MockLLM().complete(prompt)

    def stream_complete(self, prompt, formatted=False, **kwargs):
        self.calls += 1
        return MockLLM().stream_complete(prompt)


def test_what_an_llm_writes_to_itself_is_kept():
    counting = Counting()
    llm = Leeroo(experts={"a": Expert(model=counting, price=Price(input=1, output=1))}, predictor=ConstantPredictor())
    llm.chat(HELLO)
    list(llm.stream_complete("x"))
    assert counting.calls == 2


def test_clients_made_at_first_use_stay(mixed):
    llm = mixed.llm_of("given")
    mixed.chat(HELLO, expert="given")
    client = llm._client
    assert client is not None
    mixed.chat(HELLO, expert="given")
    assert llm._client is client


@pytest.mark.parametrize("used_before", [False, True])
def test_the_router_decides_on_retries_and_not_the_client(used_before, server):
    own = given(server, max_retries=3)
    if used_before:
        own.chat(HELLO)
    server.requests.clear()
    server.behave("given-model", {"status": 503})
    experts = {"given": {"model": own, "price": {"input": 1, "output": 2}}, **pool_of(server)["experts"]}
    llm = Leeroo(experts=experts, predictor=ConstantPredictor({"given": 0.99}))
    assert llm.chat(HELLO).message.content == PARIS
    assert server.asked() == ["given-model", "small-model"]
    assert own.max_retries == 3
    assert own._client is None or own._client.max_retries == 3


def test_a_model_that_llamaindex_does_not_know(server):
    from llama_index.llms.openai import OpenAI

    experts = {"a": {"model": OpenAI(model="no-such-model", api_key="x"), "price": {"input": 1, "output": 2}}}
    with pytest.raises(ConfigError, match=r"'a'.*no-such-model"):
        Leeroo(experts=experts)


def test_an_expert_keeps_its_own_system_prompt(server):
    experts = {"given": {"model": given(server, system_prompt="Be brief."), "price": {"input": 1, "output": 2}}}
    llm = Leeroo(experts=experts, predictor=ConstantPredictor())
    llm.predict(PROMPT, place="Paris")
    "".join(llm.stream(PROMPT, place="Paris"))
    llm.chat(HELLO)
    systems = [[m["content"] for m in r["messages"] if m["role"] == "system"] for r in server.bodies()]
    assert systems == [["Be brief."], ["Be brief."], []], "in predict, and not in chat, as with any LLM"


def test_the_routers_system_prompt_is_added_once(server):
    llm = Leeroo.from_pool(pool_of(server), predictor=ConstantPredictor(QUALITY), system_prompt="Be kind.")
    llm.predict(PROMPT, place="Paris")
    llm.structured_predict(City, PROMPT, place="Paris")
    for request in server.bodies():
        assert [m["content"] for m in request["messages"] if m["role"] == "system"] == ["Be kind."]


def test_an_expert_of_experts(server, mixed):
    outer = Leeroo(
        experts={"inner": Expert(model=mixed, price=Price(input=1, output=2)), **pool_of(server)["experts"]},
        predictor=ConstantPredictor({"inner": 0.9}),
    )
    assert outer.chat(HELLO).additional_kwargs["leeroo"]["expert"] == "inner"
    assert len(mixed.router.ledger.calls()) == 1


def test_every_endpoint_of_an_llm_is_overridden():
    from llama_index.core.base.llms.base import BaseLLM

    for name in BaseLLM.__abstractmethods__:
        assert name in dir(Leeroo)
    own = {
        "chat",
        "complete",
        "stream_chat",
        "stream_complete",
        "achat",
        "acomplete",
        "astream_chat",
        "astream_complete",
    }
    own |= {"structured_predict", "predict_and_call", "apredict_and_call", "get_tool_calls_from_response"}
    assert own <= set(vars(Leeroo)), "spans are made of what stands in the class body"
    assert not Leeroo.__abstractmethods__
    assert issubclass(Leeroo, LLM)
    assert RoutingEvent.class_name() == "RoutingEvent"
    assert ChatMessage(content="x").content == "x"


HEAVY = ("torch", "transformers", "pandas", "sqlalchemy", "matplotlib", "onnxruntime")


@pytest.mark.parametrize("module", ["llamaindex_leeroo", "llama_index.llms.leeroo"])
def test_an_import_brings_nothing_heavy_that_llamaindex_does_not_bring_itself(module):
    script = (
        "import sys, json\nimport llama_index.core.llms.function_calling, llama_index.core.tools\n"
        f"before = set(sys.modules)\nimport {module}\n"
        "print(json.dumps(sorted({m.split('.')[0] for m in set(sys.modules) - before})))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert not set(json.loads(done.stdout)) & set(HEAVY)
