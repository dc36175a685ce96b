"""The pieces of a streamed answer, out of bytes that are cut anywhere."""

import json
from itertools import pairwise

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeroo.endpoints.bounded import BadAnswer
from leeroo.endpoints.pieces import Pieces, read_whole


def piece(text, **more):
    return {"id": "1", "choices": [{"index": 0, "delta": {"content": text}}], **more}


def events(*pieces, end="\n"):
    return "".join(f"data: {json.dumps(one, ensure_ascii=False)}{end}{end}" for one in pieces).encode()


def read(*chunks):
    reader = Pieces("model")
    found = [one for chunk in chunks for one in reader.take(chunk)]
    return [*found, *reader.end()]


@given(
    st.lists(st.text(), max_size=5), st.sampled_from(["\n", "\r\n", "\r"]), st.lists(st.integers(0, 400), max_size=6)
)
def test_bytes_may_be_cut_anywhere(texts, end, cuts):
    pieces = [piece(text) for text in texts]
    data = events(*pieces, end=end) + b"data: [DONE]\n\n"
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    assert read(*(data[a:b] for a, b in pairwise(places))) == pieces


def test_what_is_no_data_is_passed_over_and_lines_of_one_event_belong_together():
    data = b': hello\nevent: x\nid: 3\nretry: 5\ndata: {"choices":\ndata: []}\n\n\n\ndata:{"usage": {}}\n\n'
    assert read(data) == [{"choices": []}, {"usage": {}}]


def test_nothing_is_read_after_the_end():
    reader = Pieces("model")
    assert list(reader.take(b"data: [DONE]\n\n" + events(piece("more")))) == []
    assert reader.ended
    assert not list(reader.take(events(piece("more"))))
    assert not list(reader.end())


def test_the_last_event_may_lack_its_end():
    assert read(events(piece("a")).rstrip()) == [piece("a")]


def test_a_long_line_in_many_packets_is_joined_once(monkeypatch):
    joined = []
    reader = Pieces("model")
    monkeypatch.setattr(reader, "_piece", lambda data: joined.append(len(data)) or {})
    for _ in range(20_000):
        assert list(reader.take(b"data: " if not joined and not reader._open else b"x" * 100)) == []
    list(reader.take(b"\n\n"))
    assert joined == [19_999 * 100]


@pytest.mark.parametrize(
    "data",
    [b"nonsense", b"\xff\xfe", b"[" * 100_000, b"3", b'["choices"]', b'{"choices": 3}', b'{"choices": [3]}',
     b'{"choices": [{"delta": 3}]}', b'{"choices": {"0": {}}}', b'{"n": ' + b"9" * 5_000 + b"}"],
)  # fmt: skip
def test_what_is_no_piece_is_a_bad_answer(data):
    with pytest.raises(BadAnswer, match="'model'"):
        read(b"data: " + data + b"\n\n")


@pytest.mark.parametrize("choices", [None, [], [{}], [{"delta": None}]])
def test_pieces_may_lack_what_others_have(choices):
    assert read(events({"choices": choices})) == [{"choices": choices}]


def test_what_json_does_not_have_is_nothing():
    assert read(b'data: {"a": NaN, "b": -Infinity}\n\n') == [{"a": None, "b": None}]
    assert read_whole(b'{"a": NaN}') == {"a": None}


def test_half_characters_are_kept():
    """Some servers send an emoji in two pieces."""
    assert read(b'data: {"a": "\\ud83d"}\n\n') == [{"a": "\ud83d"}]
    assert read_whole(b'{"a": "\\ud83d"}') == {"a": "\ud83d"}


@pytest.mark.parametrize("error", [{"message": "overloaded", "code": 529}, "overloaded"])
def test_an_endpoint_that_fails_in_the_middle_says_so(error):
    with pytest.raises(openai.APIError) as caught:
        read(events(piece("a"), {"error": error}))
    assert caught.value.body == error


def test_an_answer_of_too_many_values_is_none():
    for data in (b"[" + b"1," * 2_000_000 + b"1]", b"nonsense"):
        with pytest.raises(BadAnswer):
            read_whole(data)
