"""`repeats` of a pool file or of `leeroo serve --repeats`: one expert asked several times behind one request."""

import pytest

from leeroo.prediction import ConstantPredictor
from tests.integration.serve.conftest import router_over

ASK = [{"role": "user", "content": "Which gas do plants take in?\nA. Oxygen\nB. Carbon dioxide\nC. Helium"}]
BUDGET = {"consult": True, "min_quality": 0.999, "expert": "small"}
TOOL = {"type": "function", "function": {"name": "go", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture
def router(experts, tmp_path):
    (tmp_path / "model.json").write_text('{"repeat_correlation": 0.1}')
    made = router_over(experts, consult={"model": tmp_path / "model.json", "repeats": 3})
    made._predictor = ConstantPredictor({"small": 0.6, "large": 0.9}, output_tokens=20)
    return made


def asked(client, **more):
    answer = client.chat.completions.create(model="leeroo", messages=ASK, extra_body={"leeroo": BUDGET}, **more)
    return answer.choices[0].message, answer.model_extra["leeroo"]


def test_draws_are_compared_and_each_has_its_entry_in_the_ledger(client, router, experts):
    experts.behave("small-model", [{"text": f"The answer is {letter}."} for letter in "ABB"])
    message, record = asked(client)
    assert message.content == "The answer is B."
    assert record["consult"]["clusters"] in ([1, 2], [2, 1])
    assert len(record["attempts"]) == len(experts.requests) == 3
    assert router.ledger.calls()[-1]["cost"] == pytest.approx(record["cost"])


def test_tool_calls_of_draws_are_compared(client, experts):
    experts.behave("small-model", [{"tool_calls": (("go", {"to": to}),)} for to in ("x", "y", "y")])
    message, record = asked(client, tools=[TOOL])
    assert message.tool_calls[0].function.arguments == '{"to": "y"}'
    assert len(record["consult"]["asks"]) == 3


def test_a_stream_gives_the_accepted_draw(client, experts):
    experts.behave("small-model", [{"text": f"The answer is {letter}."} for letter in "ABB"])
    pieces = client.chat.completions.create(model="leeroo", messages=ASK, stream=True, extra_body={"leeroo": BUDGET})
    assert "".join(p.choices[0].delta.content or "" for p in pieces if p.choices) == "The answer is B."


@pytest.mark.parametrize("more", [{"temperature": 0}, {"seed": 7}])
def test_a_request_that_would_be_answered_the_same_is_asked_once(client, experts, more):
    _, record = asked(client, **more)
    assert len(experts.requests) == 1
    assert set(record["consult"]["asked_once"]) == {"small"}
