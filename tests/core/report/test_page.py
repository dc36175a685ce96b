"""The page in a real browser: its numbers are the ledger's, its filters work, and it asks nobody for anything."""

import os
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select

from leeroo.ledger import schema
from leeroo.ledger.opening import open_ledger
from leeroo.report import write_report
from tests.browser import NEEDS_CHROMIUM
from tests.core.report.conftest import BEGIN, HOSTILE, fill
from tests.waiting import wait_for

pytestmark = NEEDS_CHROMIUM
DAY = 86_400

CONTRASTS = """
const parse = (c) => c.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
  .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ground = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
  if (c.length < 4 || c[3] === 1) return c; } return [255, 255, 255]; };
const found = [];
for (const e of document.querySelectorAll("body *")) {
  const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  if (!own || !e.getClientRects().length || ["SCRIPT", "OPTION", "NOSCRIPT"].includes(e.tagName)) continue;
  const svg = e instanceof SVGElement;
  if (svg && e.closest(".bars")) continue;  // labels inside bars: Plotly chooses black or white by the bar's colour
  const [a, b] = [light(parse(svg ? getComputedStyle(e).fill : getComputedStyle(e).color)), light(ground(e))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) found.push([e.tagName, e.textContent.trim().slice(0, 30), ratio]);
}
return found;
"""


@pytest.fixture(scope="module")
def page(filled, tmp_path_factory):
    out = tmp_path_factory.mktemp("page") / "report.html"
    write_report(filled[0], out)
    return out.as_uri()


@pytest.fixture(scope="module")
def rows(filled):
    """The ledger's calls and attempts as plain rows."""
    with filled[1].read() as connection:
        calls = [row._mapping for row in connection.execute(select(schema.calls))]
        attempts = [row._mapping for row in connection.execute(select(schema.attempts))]
    return {c["call_id"]: c for c in calls}, attempts


def number(browser, name):
    return float(browser.run(f"return document.getElementById('number-{name}').dataset.exact"))


def choose(browser, name, label):
    script = (
        "const s = document.getElementById(arguments[0]); if (!s) return false;"
        "const o = [...s.options].find((o) => o.textContent === arguments[1]); if (!o) return false;"
        "s.value = o.value; s.dispatchEvent(new Event('change', {bubbles: true})); return true;"
    )
    wait_for(lambda: browser.run(script, name, label), f"{label!r} is no option of {name}")


def test_the_numbers_are_the_ledgers(browser, page, filled, rows):
    browser.open(page)
    calls, _ = rows
    by_day = filled[1].spend("day")
    assert number(browser, "spent") == sum(row["cost"] for row in by_day) == sum(c["cost"] for c in calls.values())
    assert number(browser, "saved") == sum(row["saved"] for row in by_day)
    assert number(browser, "calls") == sum(row["calls"] for row in by_day) == 240
    assert number(browser, "feedback") == len(filled[1].outcomes())
    assert browser.run("return document.querySelectorAll('#dearest tbody tr').length") == 20


def test_each_chart_draws_what_its_table_says(browser, page, filled):
    browser.open(page)
    expected = Counter({row["expert"]: row["cost"] for row in filled[1].spend("expert")})
    cells = "[...document.querySelectorAll('#experts td:first-child')].map((td) => td.textContent)"
    drawn = browser.run(f"return [document.getElementById('experts-plot').data[0].x, {cells}]")
    assert [round(x * 1e9) for x in drawn[0]] == [cost for _, cost in expected.most_common()]
    assert drawn[1] == [name for name, _ in expected.most_common()]
    over_time = browser.run("return document.getElementById('time-plot').data.flatMap((t) => t.y)")
    assert sum(round(y * 1e9) for y in over_time) == sum(expected.values())
    assert browser.run("return document.querySelectorAll('.js-plotly-plot').length") == 7


def test_filters_hold_for_every_number(browser, page, rows):
    calls, attempts = rows
    browser.open(page)
    choose(browser, "scope", "acme/search")
    choose(browser, "expert", "small")
    browser.run(
        "const f = document.getElementById('from'); f.value = '2026-03-10';"
        "f.dispatchEvent(new Event('change', {bubbles: true}))"
    )
    assert browser.run("return document.getElementById('range').value") == "custom"
    begin = (BEGIN + 9 * DAY) * 1_000_000

    def taken(call):
        return call["at"] >= begin and (call["scope"] or "").startswith("acme/search/")

    tried = [a for a in attempts if a["expert"] == "small" and taken(calls[a["call_id"]])]
    answered = [c for c in calls.values() if c["expert"] == "small" and taken(c)]
    assert 0 < len(answered) < 100
    assert number(browser, "spent") == sum(a["cost"] for a in tried)
    assert number(browser, "saved") == sum(c["saved"] or 0 for c in answered)
    assert number(browser, "calls") == len(answered)
    assert number(browser, "failed") == sum(a["error"] not in (None, "budget") for a in tried)
    shown = browser.run("return [...document.querySelectorAll('#scopes td:first-child')].map((td) => td.textContent)")
    assert sorted(shown) == ["ana", "bo"]
    browser.run("document.querySelector('button[type=reset]').click()")
    wait_for(lambda: number(browser, "calls") == 240)


def test_the_page_is_silent(browser, page):
    browser.console()
    browser.open(page)
    for scope in ("acme", "(no scope)", f"lab/{HOSTILE}<", "all"):
        choose(browser, "scope", scope)
    choose(browser, "theme", "dark")
    assert browser.console() == []
    assert all(url.startswith(("file:", "data:")) for url in browser.requests())


def test_names_are_only_names(browser, page):
    browser.open(page)
    assert browser.run("return document.querySelectorAll('img, main script, main a').length") == 0
    assert HOSTILE in browser.run("return document.getElementById('experts').textContent")
    assert "{{data}}" in browser.run("return document.getElementById('scopes').textContent")


@pytest.mark.parametrize("width", [320, 768])
def test_it_fits_a_phone(browser, page, width):
    browser.open(page, width=width)
    browser.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert browser.run("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_contrast(browser, page, dark):
    browser.open(page, dark=dark)
    browser.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    grounds = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert grounds == ("rgb(17, 22, 29)" if dark else "rgb(246, 247, 249)")
    assert browser.run(CONTRASTS) == []


def test_everything_has_a_name_and_a_place_in_the_keyboards_order(browser, page):
    browser.open(page, calm=True)
    unnamed = browser.run(
        "return [...document.querySelectorAll('select, input')].filter((e) => !e.labels.length)"
        ".concat([...document.querySelectorAll('[role=img], [role=region]')].filter((e) => !e.ariaLabel))"
        ".map((e) => e.outerHTML)"
    )
    assert unnamed == []
    assert browser.run("return document.querySelectorAll('h1').length") == 1
    # Every chart says its figures in words and has them as a table.
    assert browser.run("return document.querySelectorAll('[role=img]').length") == browser.run(
        "return document.querySelectorAll('details table').length"
    )
    from selenium.webdriver.common.keys import Keys

    seen = []
    for _ in range(24):  # a date field has four stops of its own
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        seen.append(browser.run("return document.activeElement.id || document.activeElement.tagName"))
    assert [x for x in seen if x in ("range", "from", "to", "expert", "scope")][:1] == ["range"]
    assert {"theme", "range", "expert", "scope", "BUTTON", "SUMMARY"} <= set(seen)
    assert browser.run("return document.getAnimations().length") == 0


def test_an_empty_ledger_has_a_page(browser, tmp_path):
    url = f"sqlite:///{tmp_path}/empty.db"
    open_ledger(url).close()
    write_report(url, tmp_path / "r.html")
    browser.console()
    browser.open((tmp_path / "r.html").as_uri())
    assert number(browser, "spent") == number(browser, "calls") == 0
    assert "holds no calls yet" in browser.run("return document.getElementById('status').textContent")
    assert browser.console() == []


@pytest.mark.skipif("LEEROO_SCREENSHOT" not in os.environ, reason="LEEROO_SCREENSHOT names no file to write")
def test_picture_for_the_docs(browser, tmp_path):
    """`LEEROO_SCREENSHOT=docs/report.png pytest tests/core/report` renews the picture."""
    url = f"sqlite:///{tmp_path}/leeroo.db"
    ledger = fill(open_ledger(url), calls=900, begin=time.time() - 30 * DAY, hostile=False)
    ledger.close()
    write_report(url, tmp_path / "r.html")
    browser.open((tmp_path / "r.html").as_uri(), width=1200)
    Path(os.environ["LEEROO_SCREENSHOT"]).write_bytes(browser.screenshot(height=1330))
