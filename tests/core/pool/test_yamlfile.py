import pytest

from leeroo import ConfigError
from leeroo.pool.file import read_pool
from leeroo.pool.yamlfile import load_mapping


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("experts:\n  a: [\n", ["bad.yaml:", "not valid YAML"]),
        ("experts:\n\t- a\n", ["bad.yaml:2", "not valid YAML"]),
        ("just text", ["mapping", "'experts'"]),
        ("", ["mapping"]),
        ("a: !!python/object/apply:os.system ['true']\n", ["bad.yaml:1", "not valid YAML"]),
        ("[" * 1000, ["not valid YAML"]),
    ],
)
def test_bad_yaml_names_the_file_and_line(tmp_path, text, words):
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_mapping(tmp_path / "bad.yaml")
    for word in words:
        assert word in str(caught.value)


def test_unreadable_files_say_so(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml: No such file"):
        load_mapping(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x9f")
    with pytest.raises(ConfigError, match=r"binary\.yaml: not"):
        load_mapping(tmp_path / "binary.yaml")


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("experts:\n  a: {model: x}\n  b: {model: y}\n  a: {model: z}\n", 4, "'a'"),
        ("experts: {}\nreference: a\nexperts: {}\n", 3, "'experts'"),
        ("experts: {a: {model: x, price: 1, price: 2}}\n", 1, "'price'"),
        ("budget:\n  1: a\n  0x1: b\n", 3, "1"),
    ],
)
def test_a_key_that_is_there_twice_is_refused_with_both_lines(tmp_path, text, line, key):
    (tmp_path / "pool.yaml").write_text(text)
    with pytest.raises(ConfigError, match=rf"pool\.yaml:{line}: .*the key {key} is there twice, first in line"):
        load_mapping(tmp_path / "pool.yaml")


def test_merged_keys_may_be_overridden(tmp_path):
    (tmp_path / "pool.yaml").write_text(
        "experts:\n  a: &a {model: 'openai:gpt-4o', timeout: 5}\n"
        "  b: &b {<<: *a, timeout: 7}\n  c: {<<: *b, timeout: 9, <<: *a}\n"
    )
    pool = read_pool(tmp_path / "pool.yaml").pool
    assert [expert.timeout for expert in pool] == [5, 7, 9]


@pytest.mark.parametrize(
    "text", ["2026-13-45", "experts: !!timestamp x", "a: !!int ''", "? [1]\n: 2", "!!python/name:os.system"]
)
def test_what_yaml_itself_stumbles_over_is_one_clear_error(tmp_path, text):
    (tmp_path / "pool.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"pool\.yaml"):
        load_mapping(tmp_path / "pool.yaml")
