"""Answers that are of no use though the provider says all is well."""

import pytest

from leeroo.routing.answers import UselessAnswer, useless
from leeroo.routing.failures import classify


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("stop", "empty"),
        ("end_turn", "empty"),
        (None, "empty"),
        ("length", "truncated"),
        ("max_tokens", "truncated"),
        ("FinishReason.MAX_TOKENS", "truncated"),
        ("content_filter", "filtered"),
        ("SAFETY", "filtered"),
        ("refusal", "filtered"),
        ("guardrail_intervened", "filtered"),
    ],
)
def test_the_reason_in_every_providers_word(reason, kind):
    assert useless(reason, visible=True) is None
    found = useless(reason, visible=False)
    assert found.kind == kind
    failure = classify(found)
    assert (failure.kind, failure.fatal, failure.billable, failure.again) == (kind, False, True, False)


def test_a_refusal_in_a_field_of_its_own():
    assert useless("stop", visible=False, refused=True).kind == "filtered"


def test_the_remedy_is_named():
    assert "max_tokens" in str(UselessAnswer("truncated"))
