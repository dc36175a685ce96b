"""Nothing that a client wrote rules the operator's terminal or log."""

from hypothesis import given
from hypothesis import strategies as st

from leeroo.visible import visible, visible_lines


def test_what_cannot_be_seen_is_escaped():
    assert visible("a\nb\x1b[31m\x00\u202e\ud800") == r"a\nb\x1b[31m\x00\u202e\ud800"
    assert visible("plain [/x] 東京") == "plain [/x] 東京"
    assert visible("x" * 10, most=4) == "xxx…"
    assert visible(None) == "None"


def test_an_answer_keeps_its_lines():
    assert visible_lines("a\n\tb\x1b]0;title\x07\r") == "a\n\tb" + r"\x1b]0;title\x07\r"


@given(st.text())
def test_all_of_it_is_printable(text):
    assert visible(text).isprintable()
    assert visible_lines(text).replace("\n", "").replace("\t", "").isprintable()
