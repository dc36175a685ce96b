import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeroo.prediction.courtesy import plain

QUESTION = "Which planet is the largest in the solar system?\nA. Mars\nB. Jupiter"


@pytest.mark.parametrize(
    "opener",
    [
        "Hello! Could you please help me with this question? ",
        "Hi there, ",
        "Good morning! I hope you are well. Can you help me with the following problem?\n",
        "Hey, I have a quick question: ",
        "Please answer the following question:\n\n",
        "Question: ",
        "",
    ],
)
@pytest.mark.parametrize("closer", ["", "\n\nThanks!", " Thank you so much for your help.", " Many thanks in advance!"])
def test_courtesies_are_left_out(opener: str, closer: str) -> None:
    assert plain(opener + QUESTION + closer) == QUESTION


@pytest.mark.parametrize(
    "text",
    [
        QUESTION,
        "Help me write a letter to my landlord.",
        "Please solve x + 3 = 7 and explain each step.",
        "Could you help my son understand fractions?",
        "Hello world in Rust, please.",
        "Write a letter that ends with the words thanks and goodbye",
        "Question tags in English: when are they used?",
        "Hello!",
        "Hi, thanks!",
        "Thank you",
        "",
    ],
)
def test_what_is_asked_stays(text: str) -> None:
    assert plain(text) == text


def test_the_mark_of_the_last_sentence_stays() -> None:
    assert plain("Explain entropy in two sentences. Thanks!") == "Explain entropy in two sentences."


@given(st.text(max_size=200))
def test_never_more_and_never_nothing(text: str) -> None:
    found = plain(text)
    assert len(found) <= len(text)
    assert bool(found.strip()) == bool(text.strip())


def test_a_long_text_of_greetings_takes_no_time() -> None:
    assert plain("hi! " * 50_000 + QUESTION) == QUESTION
    assert plain("thanks " * 50_000).startswith("thanks thanks")
