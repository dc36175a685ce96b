import pytest

from leeroo.errors import ConfigError
from leeroo.pool.kin import relatives
from leeroo.pool.names import all_models
from leeroo.pool.registry import COLUMNS, TIERS, read_registry
from leeroo.pool.spelling import key


def test_the_nearest_kin_are_efforts_then_snapshots_then_the_family():
    kin = relatives("gpt-5.2-high")
    assert {k.model for k in kin if k.relation == "effort"} == {"gpt-5.2", "gpt-5.2-none", "gpt-5.2-xhigh"}
    assert [k.distance for k in kin] == sorted(k.distance for k in kin)
    assert kin[0].distance == 0.5
    assert any(k.model.startswith("gpt-5.1") for k in kin)


@pytest.mark.parametrize(
    ("model", "other", "relation"),
    [
        ("gpt-4o-2024-05-13", "gpt-4o-2024-08-06", "snapshot"),
        ("deepseek-r1", "deepseek-r1-0528", "snapshot"),
        ("claude-opus-4-5", "claude-opus-4-5-thinking", "effort"),
        ("grok-4-fast-reasoning", "grok-4-fast-non-reasoning", "effort"),
        ("llama-3.1-8b-instruct", "llama-3-8b-instruct", "generation"),
        ("qwen2.5-7b-instruct", "qwen2.5-14b-instruct", "size"),
        ("claude-sonnet-4", "claude-3-7-sonnet", "generation"),
        ("gemini-2.5-flash", "gemini-2.0-flash", "generation"),
        ("gpt-4.1", "gpt-4.1-mini", "size"),
        ("gpt-5-mini", "gpt-5.4-mini", "generation"),
        ("deepseek-v4.1-flash", "deepseek-v4-flash", "generation"),
    ],
)
def test_kin_are_called_by_what_differs(model, other, relation):
    assert {k.model: k.relation for k in relatives(model, 40)}[other] == relation


def test_a_base_model_is_further_than_a_tuned_one_of_another_size():
    near = [k.model for k in relatives("llama-3.1-8b-instruct")]
    assert near.index("llama-3-8b-instruct") < near.index("llama-3.1-8b")


def test_kinship_is_mutual():
    for row in all_models():
        for kin in relatives(row.model, 1000):
            back = {k.model: k.distance for k in relatives(kin.model, 1000)}
            assert back[row.model] == kin.distance


def test_an_unknown_model_has_no_kin():
    assert relatives("never-heard-of") == ()


def test_the_registry_is_whole():
    rows = all_models()
    assert len(rows) > 900
    assert all(row.vendor and row.family and row.generation is not None for row in rows)
    assert all(row.tier in TIERS for row in rows)
    assert all(row.of != row.model for row in rows)


def test_no_two_models_share_a_spelling():
    spelled = [key(row.model) for row in all_models()]
    assert len(spelled) == len(set(spelled))


def _table(*lines):
    return "\n".join([",".join(COLUMNS), *lines]) + "\n"


def test_a_small_registry_reads():
    read = read_registry(_table("a-1,x|~y,,,me,a,1,8,mini,2024-01,no", "a-1-high,,a-1,,me,a,1,,,,yes"), "t.csv")
    assert read.find("X")[0].model == "a-1"
    assert read.find("y") == (read.rows["a-1"], True)
    assert read.level("a-1", "high").model == "a-1-high"
    assert read.root("a-1-high") == "a-1"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["a,x,,,v,f,1,,,,no", "b,x,,,v,f,1,,,,no"], ["'a'", "'b'", "'x'"]),
        (["a,b-1,,,v,f,1,,,,no", "b1,,,,v,f,1,,,,no"], ["'a'", "'b1'"]),
        (["a,~x,,,v,f,1,,,,no", "b,~x,,,v,f,1,,,,no"], ["'a'", "'b'"]),
        (["a,=x,,,v,f,1,,,,no", "b,=x,,,v,f,1,,,,no"], ["'a'", "'b'"]),
        (["a,,,,v,f,1,,,,no", "a,,,,v,f,1,,,,no"], ["two rows", "'a'"]),
        (["m-3.5,,,,v,f,1,,,,no", "m-3-5,,,,v,f,1,,,,no"], ["'m-3.5'", "'m-3-5'"]),
        (["a,,b,,v,f,1,,,,no"], ["'a'", "'b'", "no model"]),
        (["a,,b,,v,f,1,,,,no", "b,,a,,v,f,1,,,,no"], ["a of b of a"]),
        (
            ["a,,,,v,f,1,,,,no", "a-high,,a,,v,f,1,,,,yes", "a-thinkhigh,,a,,v,f,1,,,,yes"],
            ["'a-high'", "'a-thinkhigh'"],
        ),
        (["a,,,odd,v,f,1,,,,no"], ["line 2", "`kind`", "'odd'"]),
        (["a,,,,v,f,1,,,,maybe"], ["`reasoning`", "'maybe'"]),
        (["a,,,,v,f,1,,biggish,,no"], ["`tier`", "'biggish'"]),
        (["a,,,,v,f,one,,,,no"], ["`generation`", "'one'"]),
        (["a,,,,v,f,1,-3,,,no"], ["`size`", "'-3'"]),
        (["a,,,,v,f,1,nan,,,no"], ["`size`", "'nan'"]),
        (["a,,,,v,f,1,,,2024-13,no"], ["`released`", "'2024-13'"]),
        (["A,,,,v,f,1,,,,no"], ["`model`", "'A'"]),
        ([",,,,v,f,1,,,,no"], ["`model`"]),
        (["-,,,,v,f,1,,,,no"], ["'-'"]),
        (["a,,,"], ["line 2", "cells"]),
        (["a,,,,v,f,1,,,,no,more"], ["cells"]),
    ],
)
def test_a_bad_registry_is_refused_in_words(lines, words):
    with pytest.raises(ConfigError) as refused:
        read_registry(_table(*lines), "t.csv")
    assert all(word in str(refused.value) for word in ["t.csv", *words])


def test_a_registry_with_other_columns_is_refused():
    for text in ("", "model,alias\na,b\n"):
        with pytest.raises(ConfigError, match="header"):
            read_registry(text, "t.csv")
