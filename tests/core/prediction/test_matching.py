import pytest

from leeroo.errors import ConfigError
from leeroo.pool.experts import Expert
from leeroo.prediction.artifact import KnownExpert
from leeroo.prediction.matching import Matcher, normalised

KNOWN = [
    KnownExpert("Mixtral-8x7B-Instruct-v0.1", "mmlu"),
    KnownExpert("gpt-4-1106-preview", "mmlu"),
    KnownExpert("Mixtral-8x7B-Instruct-v0.1", "pro"),
    KnownExpert("Yi-6B", "pro"),
    KnownExpert("gemini-1.5-pro-002", "pro"),
]


def expert(model, **kwargs):
    return Expert(model=model, name=kwargs.pop("name", "e"), **kwargs)


@pytest.mark.parametrize(
    ("model", "column"),
    [
        ("openai:gpt-4-1106-preview", 1),
        ("GPT-4_1106-Preview", 1),
        ("GPT-4-Turbo", None),  # another version is a relative, not the same model
        ("openrouter:google/gemini-1.5-pro-002", 4),
        ("google_genai:gemini-1.5-pro-002", 4),
        ("google_genai:gemini-1.5-pro", None),
        ("01-ai/yi_6b", 3),
        ("gpt-5", None),
    ],
)
def test_names_are_matched_without_provider_case_and_punctuation(model, column):
    assert Matcher(KNOWN).columns([expert(model)]) == [column]


def test_a_model_of_two_tables_is_the_one_measured_with_its_pool():
    matcher = Matcher(KNOWN)
    mixtral = expert("Mixtral-8x7B-Instruct-v0.1")
    assert matcher.columns([mixtral, expert("gpt-4-1106-preview")]) == [0, 1]
    assert matcher.columns([mixtral, expert("Yi-6B")]) == [2, 3]
    assert matcher.columns([expert("x", traits="mmlu/Mixtral-8x7B-Instruct-v0.1"), expert("Yi-6B")]) == [0, 3]


def test_the_same_models_under_other_names_or_traits_are_matched_anew():
    matcher = Matcher(KNOWN)
    for _ in range(2):
        assert matcher.columns([expert("gpt-4-1106-preview"), expert("mine")]) == [1, None]
        assert matcher.columns([expert("gpt-4-1106-preview"), expert("mine", name="Yi-6B")]) == [1, 3]
        assert matcher.columns([expert("gpt-4-1106-preview"), expert("mine", traits="gemini-1.5-pro-002")]) == [1, 4]
    matcher.columns([expert("gpt-4-1106-preview")]).append(7)
    assert matcher.columns([expert("gpt-4-1106-preview")]) == [1]


def test_an_added_expert_stands_before_the_shipped_one():
    matcher = Matcher([*KNOWN, KnownExpert("Yi-6B", "added")])
    assert matcher.columns([expert("Yi-6B"), expert("gemini-1.5-pro-002")]) == [5, 4]


def test_traits_go_before_the_name_and_must_be_known():
    assert Matcher(KNOWN).columns([expert("gpt-4-1106-preview", traits="yi-6b")]) == [3]
    with pytest.raises(ConfigError, match=r"'Yi-7B' is not a known expert\. Did you mean 'Yi-6B'"):
        Matcher(KNOWN).columns([expert("x", traits="Yi-7B")])


def test_the_pool_name_counts_when_the_model_is_unknown():
    assert Matcher(KNOWN).columns([expert("my-server-model", name="Yi-6B")]) == [3]
    assert normalised("meta-llama/Llama-3.1-8B-Instruct") == "llama-3.1-8b-instruct"
