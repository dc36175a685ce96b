import pytest

from leeroo import InvalidRequest, Query
from leeroo.query import MEDIA_TOKENS, TOOL_TOKENS


@pytest.mark.parametrize("text", ["", "  \n\t "])
def test_an_empty_request_is_refused(text):
    with pytest.raises(InvalidRequest, match="empty"):
        Query(text=text, prompt=text)


def test_no_messages_are_refused():
    with pytest.raises(InvalidRequest, match="no messages"):
        Query(text="hi", messages=0)


def test_media_alone_is_a_request():
    assert Query(text="", media=1).overhead == 16 + 8 + MEDIA_TOKENS


def test_tools_and_messages_add_tokens():
    assert Query(text="a", messages=3, needs=frozenset({"tools"})).overhead == 16 + 24 + TOOL_TOKENS


@pytest.mark.parametrize("bad", [0, -1, True, "5", 1.5])
def test_max_tokens_is_a_positive_whole_number(bad):
    with pytest.raises(InvalidRequest, match="max_tokens"):
        Query(text="hi", max_tokens=bad)
