"""The documentation's site: no link leads nowhere, no other host is asked, search works, and a phone can read it."""

import functools
import http.server
import subprocess
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

from tests.browser import NEEDS_CHROMIUM, Browser

ROOT = Path(__file__).parent.parent
PHONE = 390


class Page(HTMLParser):
    """What a page links to, loads, and can be linked at."""

    def __init__(self, text):
        super().__init__()
        self.links, self.loads, self.anchors = set(), set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        if tag == "a" and given.get("href"):
            self.links.add(given["href"])
        where = {"script": "src", "img": "src", "link": "href"}.get(tag)
        if where and given.get(where) and given.get("rel") not in ("canonical", "next", "prev"):
            self.loads.add(given[where])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", folder], cwd=ROOT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site):
    return {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


def test_every_link_leads_to_a_page_and_to_a_place_on_it(site, pages):
    lost = []
    for path, page in pages.items():
        for link in page.links | page.loads:
            if urlsplit(link).scheme or link.startswith("//"):
                continue
            target, anchor = urldefrag(link)
            place = Path(site, target.lstrip("/")) if target.startswith("/") else path.parent / unquote(target)
            place = path if not target else (place / "index.html" if place.is_dir() else place)
            asked = unquote(anchor) if place.suffix == ".html" else ""
            if not place.exists() or (asked and asked not in pages[place.resolve()].anchors):
                lost.append((path.relative_to(site), link))
    assert not lost


def test_nothing_is_loaded_from_other_hosts(site, pages):
    loads = {(path.name, load) for path, page in pages.items() for load in page.loads if urlsplit(load).netloc}
    assert not loads


def test_every_guide_and_every_results_page_is_there(site):
    for source in [*(ROOT / "docs/how-to").glob("*.md"), *(ROOT / "docs").glob("[A-Z]*.md")]:
        assert (site / source.relative_to(ROOT / "docs").with_suffix("") / "index.html").exists(), source


@pytest.fixture(scope="module")
def address(site):
    handler = functools.partial(Quiet, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def browser():
    with_window = Browser()
    yield with_window
    with_window.driver.quit()


@NEEDS_CHROMIUM
def test_no_page_is_wider_than_a_phone(site, address, browser):
    wide = []
    for path in sorted(site.rglob("index.html")):
        page = path.parent.relative_to(site).as_posix()
        browser.open(f"{address}{'' if page == '.' else page + '/'}", width=PHONE)
        # The theme's script cuts a long title; until it has run, the page is wider.
        if not browser.until(f"return document.documentElement.scrollWidth <= {PHONE}", seconds=5):
            wide.append(page)
    assert not wide


@NEEDS_CHROMIUM
def test_search_finds_without_asking_another_host(address, browser):
    browser.open(address)
    browser.run(
        "const q = document.querySelector('[data-md-component=search-query]'); q.focus();"
        "q.value = 'willingness_to_pay'; q.dispatchEvent(new KeyboardEvent('keyup', {bubbles: true}));"
        "q.dispatchEvent(new Event('input', {bubbles: true}));"
    )
    found = "[...document.querySelectorAll('.md-search-result__item h1')].map(e => e.innerText)"
    titles = browser.until(f"const titles = {found}; return titles.length ? titles : null")
    assert "Which rule do I want?" in titles
    assert {urlsplit(url).netloc for url in browser.requests()} <= {urlsplit(address).netloc, ""}
