"""Large and torn files, read one record at a time."""

import gzip
import json
import tracemalloc

import pytest

from leeroo.errors import ConfigError
from leeroo.outcomes import streaming
from leeroo.outcomes.streaming import records_of

RECORDS = [{"n": n, "text": 'é ü 漢 \u2028 \\"x\\" }] ['} for n in range(5)]


def written(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def values(path):
    return [record for _, record in records_of(path)]


LINES = "\n".join(json.dumps(r, ensure_ascii=False) for r in RECORDS)
FORMS = {
    "lines": LINES,
    "lines with blank ones and CRLF": "\r\n\r\n" + LINES.replace("\n", "\r\n\r\n"),
    "array": json.dumps(RECORDS),
    "pretty array": json.dumps(RECORDS, indent=2, ensure_ascii=False),
    "pretty values in a row": "\n".join(json.dumps(r, indent=2) for r in RECORDS),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_every_form_in_every_encoding(tmp_path, form, encoding):
    assert values(written(tmp_path / "x.json", FORMS[form].encode(encoding))) == RECORDS


def test_gzip_and_csv(tmp_path):
    assert values(written(tmp_path / "x.jsonl.gz", gzip.compress(LINES.encode()))) == RECORDS
    table = 'input,model\n"say ""hi"",\nplease",m\n,n\n'
    assert values(written(tmp_path / "my.export.csv", table)) == [
        {"input": 'say "hi",\nplease', "model": "m"},
        {"model": "n"},
    ]


def test_lines_of_mixed_encodings_are_all_read(tmp_path):
    lines = b"\n".join('{"a": "é€"}'.encode(encoding) for encoding in ("utf-8", "cp1252", "utf-8"))
    assert values(written(tmp_path / "x.jsonl", lines)) == [{"a": "é€"}] * 3


def test_a_torn_line_is_named_without_its_text_and_the_rest_is_read(tmp_path):
    found = list(records_of(written(tmp_path / "x.jsonl", '{"a": 1}\n{"a": "sk-secret\n\n{"a": 2}')))
    assert [(line, record) for line, record in found if isinstance(record, dict)] == [(1, {"a": 1}), (4, {"a": 2})]
    ((line, fault),) = [pair for pair in found if isinstance(pair[1], ValueError)]
    assert line == 2
    assert "secret" not in str(fault)


def test_a_torn_array_gives_what_stands_before(tmp_path):
    found = values(written(tmp_path / "x.json", json.dumps(RECORDS)[:-30]))
    assert found[:-1] == RECORDS[:-1]
    assert isinstance(found[-1], ValueError)


def test_what_is_too_long_or_too_deep_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(streaming, "LONGEST", 1000)
    long = json.dumps({"a": "x" * 5000})
    found = values(written(tmp_path / "x.jsonl", f'{{"a": 1}}\n{long}\n{{"a": 2}}\n'))
    assert [type(record) for record in found] == [dict, ValueError, dict]
    deep = "[" * 200_000
    monkeypatch.setattr(streaming, "LONGEST", 64 << 20)
    assert isinstance(values(written(tmp_path / "y.jsonl", f'{{"a": {deep}\n'))[0], ValueError)
    assert all(isinstance(record, ValueError) for record in values(written(tmp_path / "z.json", deep)))


@pytest.mark.parametrize("data", [b"", b"\n\n", b"[]", b" [ ] "])
def test_nothing_is_nothing(tmp_path, data):
    assert values(written(tmp_path / "x.json", data)) == []


def test_unreadable_files_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.jsonl"):
        values(tmp_path / "none.jsonl")
    with pytest.raises(ConfigError, match=r"x\.gz"):
        values(written(tmp_path / "x.gz", b"not gzip"))
    with pytest.raises(ConfigError, match="Cannot read"):
        values(tmp_path)


@pytest.mark.parametrize("form", ["lines", "array"])
def test_memory_holds_a_record_not_the_file(tmp_path, form):
    one = json.dumps({"messages": [{"role": "user", "content": "word " * 400}]})
    with (tmp_path / "x.json").open("w") as file:
        file.write("[" if form == "array" else "")
        for n in range(8000):
            file.write(one if n == 0 else f"{',' if form == 'array' else ''}\n{one}")
        file.write("]" if form == "array" else "")
    assert (tmp_path / "x.json").stat().st_size > 16_000_000
    tracemalloc.start()
    count = sum(1 for _ in records_of(tmp_path / "x.json"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 8000
    assert peak < 8_000_000
