"""Names of accounts are checked in one way wherever they come in."""

import unicodedata
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeroo import Budget, ConfigError
from leeroo.ledger.limits import Limit
from leeroo.ledger.opening import open_ledger
from leeroo.scopes import check_scope
from leeroo.serve.keys import KeyFile

BAD = [
    "a\x00b", "a\nb", "a\x1b[31m", "a\ud800", "a\u202eb", "a\u200bb", "a\xa0b", "", "/", "a//b", "a/", " a", "a/ b",
    "a\t",    "x" * 401, "😀" * 201, "/".join("a" * 33), 7, None, ["a"],
]  # fmt: skip


@pytest.mark.parametrize("scope", BAD, ids=ascii)
def test_a_bad_name_comes_in_nowhere(scope, tmp_path):
    with pytest.raises(ConfigError):
        check_scope(scope)
    with pytest.raises(ConfigError):
        Limit.of(scope, "day", "usd", 1)
    with pytest.raises(ConfigError):
        KeyFile(tmp_path / "keys.json").add(scope)
    if scope is None:
        return
    with pytest.raises(ConfigError):
        Budget(scope=scope)
    ledger = open_ledger(f"sqlite:///{tmp_path}/l.db?on_failure=continue")
    ask = (ledger.remaining, ledger.limits, ledger.spend, lambda s: ledger.reserve("1", s, 1))
    for enter in ask if isinstance(scope, str) else ():
        with pytest.raises(ConfigError):
            enter(scope) if enter is not ledger.spend else enter("day", scope)
    ledger.close()


def test_what_looks_the_same_is_the_same_account():
    assert Budget(scope="cafe\u0301").scope == "café" == check_scope("café")


@pytest.mark.parametrize("scope", ["acme/team-a/user-7", "*", "東京/チーム", "a b/c.d@e", "user:1"])
def test_usual_names_pass(scope):
    assert check_scope(scope) == scope


@given(st.text(max_size=500))
def test_what_passes_can_be_kept_and_shown(scope):
    kept = ""
    with suppress(ConfigError):
        kept = check_scope(scope)
    if not kept:
        with pytest.raises(ConfigError) as caught:
            check_scope(scope)
        assert str(caught.value).isprintable()
        return
    assert kept.isprintable()
    assert unicodedata.is_normalized("NFC", kept)
    assert check_scope(kept) == kept
