"""Everything that is sent counts, whatever it is called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeroo.pool.forwarded import everything, is_data, medium_of
from leeroo.pool.tokens import count, most_tokens
from leeroo.query import Query

TEXT = "what the model may read " * 50
PICTURE = "data:image/png;base64," + "iVBORw0K" * 5000


@pytest.mark.parametrize(
    "value",
    [
        {"reasoning_content": TEXT},
        {"name": TEXT},
        {TEXT: 1},
        {"a": [{"b": ({"c": TEXT},)}]},
        {"type": "thing", "payload": TEXT},
        {"type": "image_url", "image_url": {"url": PICTURE, "detail": TEXT}},
        {"type": "image_url", "image_url": {"url": TEXT}},
        {"type": "file", "file": {"file_data": "data:text/plain;base64,AAAA " + TEXT}},
        {"type": "input_audio", "input_audio": {"data": TEXT}},
    ],
)
def test_text_counts_wherever_it_is(value):
    assert TEXT in everything(value, media=[])


def test_the_data_of_media_does_not_count_as_text():
    part = {"type": "image_url", "image_url": {"url": PICTURE}}
    found = []
    assert len(everything({"deep": [{"type": "tool_result", "content": [part, part]}]}, media=found)) < 150
    assert found == [part, part]
    assert len(everything(part)) > len(PICTURE)  # nobody counts it as a medium
    assert medium_of(part) == "vision"
    assert len(everything({"type": "text", "text": PICTURE}, media=[])) > len(PICTURE)  # nobody decodes it there
    assert (
        len(everything({"content": [{"type": "image_url", "image_url": "https://example.com/a.png"}]}, media=[])) < 50
    )
    assert not is_data("url", "none")


def test_names_counted_elsewhere_are_left_out_of_the_outermost_values_only():
    assert everything({"content": "x", "more": {"content": "y"}}, but=["content"]).split("\n") == [
        "more",
        "content",
        "y",
    ]


def test_depth_and_length_of_a_value_are_no_trouble():
    deep = inner = {}
    for _ in range(100_000):
        inner["a"] = inner = {}
    inner["a"] = 10**5000
    assert len(everything(deep)) > 205_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            if inner is not None:
                yield key
                yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


@given(JSON)
def test_no_string_is_left_out(value):
    assert sum(map(len, strings(value))) <= len(everything(value))


def test_the_rest_counts_in_the_worst_case_only(make_expert):
    plain, hidden = Query("Hello", prompt="Hello"), Query("Hello", prompt="Hello", rest="x" * 1000)
    before, after = count(plain, make_expert()), count(hidden, make_expert())
    assert after.upper == before.upper + 1000
    assert after.expected == before.expected


def test_characters_that_normalising_makes_many_count_as_many():
    assert most_tokens("\ufdfa") == 33  # 18 letters in NFKC
    assert most_tokens("é") == 2
    assert most_tokens("e\u0301") == 3
    assert most_tokens("한국어") == 9
    assert most_tokens("\ud800") == 3
