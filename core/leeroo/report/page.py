"""Write the report's page: data, style and script in one file that asks the network for nothing."""

import base64
import hashlib
import json
import re
import time
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from leeroo.errors import ConfigError, MissingDependency
from leeroo.ledger.limits import SECOND, check_scope
from leeroo.pool.experts import Expert
from leeroo.pool.prices import Price

_SPAN = re.compile(r"(\d+)([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}


def write_report(
    ledger: str,
    out: str | Path,
    *,
    since: str | None = None,
    scope: str | None = None,
    reference: str | None = None,
) -> dict[str, Any]:
    """Write one self-contained HTML page about a ledger.

    Args:
        ledger: URL of the ledger, `sqlite:///leeroo.db`.
        out: The file to write.
        since: Calls from then on: a day or moment (`2026-03-01`, UTC where no zone is given), or a span (`12h`, `30d`).
        scope: This scope and those beneath it only.
        reference: What savings are measured against: a model whose list price is known (`openai:gpt-4o`), or
            `NAME=IN,OUT` with prices in USD per 1M tokens. The reference of each call's record when absent.

    Returns:
        The figures on the page; see `leeroo.report.data.read`.

    Raises:
        ConfigError: An option is not usable, or there is no such ledger.
        MissingDependency: plotly or SQLAlchemy is not installed.
        LedgerError: The ledger cannot be read.
    """
    now = time.time()
    begin = None if since is None else _moment(since, now)
    if scope is not None:
        check_scope(scope)
    from leeroo.ledger.opening import open_ledger

    opened = open_ledger(ledger, new=False)
    from leeroo.report.data import Reference, read

    try:
        other = None if reference is None else Reference(*_priced(reference))
        figures = read(opened, since=begin, scope=scope, reference=other)
    finally:
        opened.close()
    shown = {"ledger": _name(ledger), "made": int(now * 1000), "since": since, "scope": scope}
    Path(out).write_text(render({**figures, **shown}), encoding="utf-8")
    return figures


def render(figures: dict[str, Any]) -> str:
    """The page as text.

    Args:
        figures: As `leeroo.report.data.read` gives them, and what is shown of the ledger.

    Raises:
        MissingDependency: plotly is not installed.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        raise MissingDependency("The report needs plotly: pip install 'leeroo[report]'") from None
    # No `<` in the data: nothing in it can end the element that holds it.
    data = json.dumps(figures, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    parts = {"style": _file("page.css"), "plotly": get_plotlyjs(), "script": _file("charts.js") + _file("page.js")}
    hashes = " ".join(f"'sha256-{_digest(parts[name])}'" for name in ("plotly", "script"))
    policy = f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"
    parts |= {"policy": policy, "data": data}
    # One pass, so that nothing inserted is searched for places itself.
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _file("page.html"))


def _file(name: str) -> str:
    return files("leeroo.report").joinpath(name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _name(url: str) -> str:
    """The ledger's last name: neither its place on the disk nor who may log in is anyone's business."""
    return re.split(r"[?#]", url)[0].rstrip("/").rsplit("/", 1)[-1]


def _moment(since: str, now: float) -> int:
    """Microseconds since 1970."""
    if span := _SPAN.fullmatch(since):
        return int((now - timedelta(hours=int(span[1]) * _HOURS[span[2]]).total_seconds()) * SECOND)
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        raise ConfigError(f"--since is {since!r}; give a day such as 2026-03-01, or a span such as 12h, 30d.") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * SECOND)


def _priced(reference: str) -> tuple[str, Price]:
    name, equals, prices = reference.partition("=")
    if equals:
        try:
            into, out = (float(part) for part in prices.split(","))
            return name, Price(input=into, output=out)
        except (ValueError, ConfigError):
            raise ConfigError(f"--reference is {reference!r}; give NAME=IN,OUT in USD per 1M tokens.") from None
    from leeroo.pool.listing import look_up

    listing = look_up(Expert(name=name, model=name))
    if listing is None:
        raise ConfigError(f"No list price of {name!r} is known; give --reference {name}=IN,OUT in USD per 1M tokens.")
    return name, listing.price
