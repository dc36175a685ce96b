"""The figures: exact sums whatever is folded, hostile and huge ledgers, options, and clear errors."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from leeroo import Budget, Query, Usage
from leeroo.cli import app
from leeroo.errors import ConfigError
from leeroo.ledger import schema
from leeroo.ledger.limits import SECOND
from leeroo.ledger.opening import open_ledger
from leeroo.pool.prices import Price
from leeroo.report import write_report
from leeroo.report.data import DEAREST, Reference, read
from leeroo.report.folding import MOST_CELLS, Place, fold_scopes, scopes_to_keep

SPENT, REFERENCE, ANSWERED = -1, 7, 6

scopes = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)


@given(st.dictionaries(st.none() | scopes, st.integers(0, 10**15)), st.integers(0, 6))
@settings(deadline=None)
def test_sums_over_a_kept_scope_are_exact(spent, keep):
    places = fold_scopes(spent, keep)
    kept = {place.scope for place in places.values() if place.scope}

    def beneath(scope, names):
        return sum(spent[name] for name in names if name and (name == scope or name.startswith(scope + "/")))

    for scope in kept:
        counted = [
            name for name, place in places.items() if place.scope and (place.scope + "/").startswith(scope + "/")
        ]
        assert beneath(scope, counted) == beneath(scope, spent)
    assert len({place for place in places.values() if place.scope and not place.rest}) <= keep
    assert places.get(None, Place(None)) == Place(None)


@given(st.integers(1, 2000), st.integers(1, 100))
def test_a_page_stays_small(steps, experts):
    keep = scopes_to_keep(steps, experts)
    assert keep == 0 or (keep + 2) * steps * min(experts, 31) <= MOST_CELLS


def test_what_a_router_wrote_is_what_the_report_says(make_router, tmp_path):
    ledger = open_ledger(f"sqlite:///{tmp_path}/leeroo.db")
    router = make_router(ledger=ledger)
    for tokens in (11, 97, 1203):
        with router.open(Query(text="q", prompt="q", max_tokens=2000), Budget(scope="acme/a", min_quality=0.5)) as call:
            for attempt in call.attempts():
                attempt.succeeded(Usage(input_tokens=tokens, output_tokens=tokens))
                break
    found = read(ledger)
    (booked,) = ledger.spend("scope")
    assert sum(row[SPENT] for row in found["attempts"]) == booked["cost"] > 0
    assert sum(row[REFERENCE] - row[ANSWERED] for row in found["calls"]) == booked["saved"] > 0
    assert found["scopes"] == [{"scope": "acme/a", "rest": False}]
    assert found["references"] == ["large"]


def test_options_narrow_it(filled):
    everything, some = read(filled[1]), read(filled[1], scope="acme")
    assert {place["scope"].split("/")[0] for place in some["scopes"]} == {"acme"}
    assert {row["limit"]["scope"] for row in some["limits"]} == {"*", "acme", "acme/search"}
    assert 0 < sum(row[3] for row in some["calls"]) < sum(row[3] for row in everything["calls"]) == 240
    at = sorted(row[0] for row in everything["dearest"])[120] * 1000
    assert sum(row[3] for row in read(filled[1], since=at)["calls"]) == 120


def test_savings_against_another_price(filled):
    found = read(filled[1], reference=Reference("mine", Price(input=2, output=8)))
    assert found["references"] == ["mine"]
    for row in found["calls"]:
        assert row[REFERENCE] == 2000 * row[8] + 8000 * row[9]


def test_only_the_newest_feedback_counts(filled):
    newest = filled[1].outcomes()
    found = read(filled[1])["feedback"]
    assert sum(row[4] for row in found) == len(newest)
    assert sum(row[5] for row in found) == sum(row["score"] for row in newest)


def test_a_million_scopes_stay_a_small_page(tmp_path):
    """Many scopes, not many rows: what is counted together is what grows."""
    ledger = open_ledger(f"sqlite:///{tmp_path}/leeroo.db")
    rows = [
        {"call_id": str(n), "at": (1_772_323_200 + 3600 * n) * SECOND, "scope": f"acme/user-{n}",
         "expert": f"e{n % 40}", "cost": n, "reference_cost": 2 * n, "saved": n, "input_tokens": 1, "output_tokens": 1}
        for n in range(4000)
    ]  # fmt: skip
    tries = [
        {"call_id": r["call_id"], "number": 0, "expert": r["expert"], "latency": 1.0, "cost": r["cost"]} for r in rows
    ]
    with ledger._database.write() as connection:
        connection.execute(schema.calls.insert(), rows)
        connection.execute(schema.attempts.insert(), tries)
    found = read(ledger)
    assert sum(row[SPENT] for row in found["attempts"]) == sum(range(4000))
    assert {"scope": "acme", "rest": True} in found["scopes"]
    assert len(found["scopes"]) < 70
    assert len(found["experts"]) == 31
    assert len(found["dearest"]) == DEAREST


def test_an_empty_ledger_and_one_that_is_not_there(tmp_path):
    url = f"sqlite:///{tmp_path}/leeroo.db"
    with pytest.raises(ConfigError, match="There is no ledger at"):
        write_report(url, tmp_path / "r.html")
    assert not (tmp_path / "leeroo.db").exists()
    open_ledger(url).close()
    assert write_report(url, tmp_path / "r.html")["calls"] == []


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"since": "yesterday"}, "--since is 'yesterday'; give a day"),
        ({"scope": "a//b"}, "scope is 'a//b'"),
        ({"reference": "nobody-knows-me"}, "No list price of 'nobody-knows-me' is known"),
        ({"reference": "x=1"}, "give NAME=IN,OUT"),
        ({"reference": "x=1,-2"}, "give NAME=IN,OUT"),
    ],
)
def test_a_wrong_option_is_named(filled, tmp_path, option, message):
    with pytest.raises(ConfigError, match=message):
        write_report(filled[0], tmp_path / "r.html", **option)


def test_the_command(filled, tmp_path):
    out = tmp_path / "r.html"
    args = ["report", "--ledger", filled[0], "--out", str(out), "--reference", "openai:gpt-4o"]
    done = CliRunner().invoke(app, args, catch_exceptions=False, env={"COLUMNS": "400"})
    assert "240 calls, $" in done.stdout
    text = out.read_text()
    assert '"ledger":"leeroo.db"' in text
    assert str(tmp_path.parent) not in text, "where the ledger lies is nobody's business"
    assert text.count("</script>") == 3
