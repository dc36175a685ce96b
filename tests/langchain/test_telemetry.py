"""OpenTelemetry spans, where an application has it: by a stand-in, for it is no dependency of ours."""

import subprocess
import sys
from types import ModuleType

import pytest

from leeroo import ExpertsFailed


class Span:
    def __init__(self, name, parent, attributes, start_time):
        self.name, self.parent, self.attributes, self.start = name, parent, attributes, start_time
        self.status = self.ended = None

    def is_recording(self):
        return True

    def set_status(self, status):
        self.status = status

    def end(self, end_time):
        self.ended = end_time


@pytest.fixture
def spans(monkeypatch):
    made = []

    class Tracer:
        def start_span(self, name, context=None, kind=None, start_time=None, attributes=None):
            made.append(Span(name, context, attributes, start_time))
            return made[-1]

    trace = ModuleType("opentelemetry.trace")
    trace.get_tracer = lambda name, version: Tracer()
    trace.set_span_in_context = lambda span: span
    trace.SpanKind = type("SpanKind", (), {"CLIENT": "client"})
    trace.StatusCode = type("StatusCode", (), {"ERROR": "error"})
    trace.Status = lambda code, text=None: (code, text)
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", trace)
    return made


def test_one_span_for_the_call_and_one_per_attempt(make, fake, http_error, spans):
    message = make(large=fake(error=http_error(503))).invoke("a secret question", max_cost=0.5)
    route, failed, answered = spans
    assert route.name == "leeroo route"
    assert route.attributes["leeroo.expert"] == "small"
    assert route.attributes["leeroo.budget.max_cost"] == 0.5
    assert route.attributes["leeroo.call_id"] == message.response_metadata["leeroo"]["call_id"]
    assert failed.parent is answered.parent is route
    assert failed.attributes["error.type"] == "server"
    assert failed.status[0] == "error"
    assert answered.name == "chat s-1"
    assert answered.attributes["gen_ai.usage.output_tokens"] == 5
    assert route.start <= failed.start <= failed.ended == answered.start <= answered.ended <= route.ended
    assert "secret" not in str([s.attributes for s in spans])


def test_a_failed_call_is_an_error(make, fake, http_error, spans):
    with pytest.raises(ExpertsFailed):
        make(fake(error=http_error(500)), fake(error=http_error(500)), max_retries=1).invoke("hi")
    assert spans[0].status[0] == "error"
    assert len(spans) == 3


def test_nothing_is_imported_without_it():
    code = "import sys, leeroo, langchain_leeroo; print('opentelemetry.trace' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
