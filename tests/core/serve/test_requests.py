"""What headers say about money, quality and time."""

import pytest

from leeroo.budget import Budget
from leeroo.errors import ConfigError
from leeroo.serve.requests import job_of
from leeroo.serve.schemas import ChatRequest

REQUEST = ChatRequest(model="leeroo", messages=[{"role": "user", "content": "hi"}])


def budget_of(make_router, **headers):
    named = {f"x-leeroo-{name.replace('_', '-')}": text for name, text in headers.items()}
    return job_of(REQUEST, named, None, make_router()).budget


def test_headers_have_the_types_of_the_budget_s_fields(make_router):
    found = budget_of(make_router, max_cost="1e-2", scope="team", consult="True", max_calls="2")
    assert found == Budget(max_cost=0.01, scope="team", consult=True, max_calls=2)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("max_cost", "1_0", "no number"),
        ("max_cost", "inf", "no number"),
        ("max_cost", "\u0661", "no number"),
        ("max_calls", "2.5", "no whole number"),
        ("max_calls", "1e1", "no whole number"),
        ("consult", "maybe", "neither true nor false"),
        ("budget", "1", "Unknown header"),
    ],
)
def test_what_is_no_such_value_is_refused_by_the_header_s_name(make_router, name, text, words):
    with pytest.raises(ConfigError, match=f"x-leeroo-{name.replace('_', '-')}.*{words}|{words}.*x-leeroo-{name}"):
        budget_of(make_router, **{name: text})
