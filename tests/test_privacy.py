"""Canaries in prompt, answer, key and header, sent through everything that answers or fails: none is found again in
records, errors, logs, metrics, spans or the ledger's bytes."""

import json
import logging
import sys
from types import ModuleType

import pytest

import leeroo
from leeroo import Budget, LeerooError, Router, last_call
from leeroo.endpoints.openai_compatible import ask
from leeroo.prediction import ConstantPredictor
from leeroo.routing import metrics
from tests.openai_server import Behaviour, OpenAIServer

PROMPT, ANSWER = "canary-prompt-8f3a1c", "canary-answer-77b2e0"
KEY, HEADER = "canary-key-5d9e42", "canary-header-a01b6f"
CANARIES = (PROMPT, ANSWER, KEY, HEADER)
ECHO = f"You said {PROMPT} with {KEY} and {HEADER}; {ANSWER}"
WAYS = {
    "well": Behaviour(),
    "no usage": Behaviour(usage=False),
    "server": Behaviour(status=503, message=ECHO),
    "rate limit": Behaviour(status=429, message=ECHO, retry_after=0),
    "bad request": Behaviour(status=400, message=ECHO),
    "auth": Behaviour(status=401, message=ECHO),
    "overflow": Behaviour(status=400, code="context_length_exceeded", message=ECHO),
    "garbage": Behaviour(raw=f"<html>{ECHO}</html>"),
    "wrong types": Behaviour(raw=json.dumps({"choices": ECHO, "usage": ECHO})),
    "drop": Behaviour(drop=True),
    "half": Behaviour(die_after=2),
    "silence": Behaviour(hang=2),
}


@pytest.fixture
def server():
    with OpenAIServer(answer=lambda body: f"{ANSWER} {ANSWER} {ANSWER}") as running:
        yield running


@pytest.fixture
def spans(monkeypatch):
    """What a tracer of OpenTelemetry would have been given."""
    given = []

    class Span:
        def is_recording(self):
            return True

        def set_status(self, *status):
            given.append(status)

        def end(self, **_): ...

    class Tracer:
        def start_span(self, name, **about):
            given.append((name, about.get("attributes")))
            return Span()

    trace = ModuleType("opentelemetry.trace")
    trace.get_tracer = lambda *_: Tracer()
    trace.set_span_in_context = lambda span: None
    trace.SpanKind = type("SpanKind", (), {"CLIENT": "client"})
    trace.StatusCode = type("StatusCode", (), {"ERROR": "error"})
    trace.Status = lambda *status: status
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", trace)
    return given


@pytest.fixture
def pool(server, tmp_path, monkeypatch):
    monkeypatch.setenv("CANARY_KEY", KEY)
    experts = {
        name: {
            "model": f"{name}-model", "base_url": server.url, "api_key_env": "CANARY_KEY",
            "headers": {"x-team": HEADER}, "price": {"input": price, "output": price}, "timeout": 20.0,
        }
        for name, price in (("small", 1.0), ("large", 10.0))
    }  # fmt: skip
    return {"experts": experts, "ledger": f"sqlite:///{tmp_path}/ledger.db"}


@pytest.fixture
def witness(spans, caplog, tmp_path):
    """Everything that Leeroo wrote, said or raised, as text by its place."""
    prometheus_client = pytest.importorskip("prometheus_client")
    registry = prometheus_client.CollectorRegistry()
    counting = metrics.enable(registry, by_scope=True)
    logging.getLogger("leeroo").setLevel(logging.DEBUG)
    said = {"records": [], "errors": []}

    def hear(work):
        try:
            work()
        except LeerooError as error:
            said["errors"] += [str(error), repr(error), repr(error.args), json.dumps(getattr(error, "record", None))]
        said["records"].append(json.dumps(last_call()))

    def everything():
        ours = [r for r in caplog.records if r.name.startswith("leeroo")]
        assert ours
        assert spans
        places = {name: "\n".join(texts) for name, texts in said.items()}
        places["logs"] = "\n".join(str(vars(r) | {"exc_info": None, "text": r.getMessage()}) for r in ours)
        places["spans"] = repr(spans)
        places["metrics"] = prometheus_client.generate_latest(registry).decode()
        for file in tmp_path.iterdir():
            places[file.name] = file.read_bytes().decode("latin-1")
        return places

    hear.everything = everything
    yield hear
    counting.disable()
    logging.getLogger("leeroo").setLevel(logging.NOTSET)


def check(witness, server):
    sent = json.dumps(server.requests)
    assert PROMPT in sent
    assert KEY in sent
    assert HEADER in sent
    for place, text in witness.everything().items():
        assert text, place
        for canary in CANARIES:
            assert canary not in text, f"{canary} in {place}"


PREDICTOR = ConstantPredictor({"small": 0.9, "large": 0.9}, output_tokens=20)
BUDGET = {"max_latency": 0.6, "max_cost": 0.1, "scope": "acme/team"}


def test_ask(server, pool, witness):
    router = Router.from_pool(pool, predictor=PREDICTOR)
    for way in WAYS.values():
        server.behave("small-model", way)
        witness(lambda: ask(router, PROMPT, Budget(**BUDGET), hedge=True))
        router.health = leeroo.routing.health.Health()
    server.behave("large-model", WAYS["server"])
    server.behave("small-model", WAYS["server"])
    witness(lambda: ask(router, PROMPT, Budget(**BUDGET)))
    witness(lambda: ask(router, PROMPT, Budget(max_cost=0.0)))
    router.ledger.close()
    check(witness, server)


@pytest.mark.parametrize("streamed", [False, True])
def test_langchain(server, pool, witness, streamed):
    from langchain_leeroo import ChatLeeroo

    llm = ChatLeeroo(router=Router.from_pool(pool, predictor=PREDICTOR), **BUDGET)
    for way in WAYS.values():
        server.behave("small-model", way)
        witness(lambda: list(llm.stream(PROMPT)) if streamed else llm.invoke(PROMPT))
        llm.router.health = leeroo.routing.health.Health()
    assert not any(canary in repr(llm) + str(llm.router) for canary in CANARIES if canary != HEADER)
    llm.router.ledger.close()
    check(witness, server)


@pytest.mark.parametrize("streamed", [False, True])
def test_llamaindex(server, pool, witness, streamed):
    from llamaindex_leeroo import Leeroo

    llm = Leeroo.from_pool(pool, predictor=PREDICTOR, **BUDGET)
    for way in WAYS.values():
        server.behave("small-model", way)
        witness(lambda: list(llm.stream_complete(PROMPT)) if streamed else llm.complete(PROMPT))
        llm.router.health = leeroo.routing.health.Health()
    llm.router.ledger.close()
    check(witness, server)


@pytest.mark.parametrize(
    "field",
    [
        {"base_url": f"https://user:{KEY}@host/v1"},
        {"base_url": f"https://host/v1?api_key={KEY}"},
        {"api_key": KEY},
        {"api_key_env": f"sk-{KEY}"},
        {"headers": {"Authorization": f"Bearer {KEY}"}},
        {"headers": {"x-other": f"sk-{KEY}"}},
        {"tokenizer": f"https://user:{KEY}@host/tokenize"},
        {"model": f"sk-{KEY}"},
    ],
    ids=lambda field: next(iter(field)),
)
def test_a_key_in_a_pool_file_is_refused_and_not_repeated(field):
    expert = {"model": "m", "price": {"input": 1, "output": 1}, **field}
    with pytest.raises(leeroo.ConfigError) as caught:
        Router.from_pool({"experts": {"a": expert}})
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None
