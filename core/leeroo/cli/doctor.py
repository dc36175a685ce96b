"""`leeroo doctor`: is everything in place for calls to succeed, and if not, what to do."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from importlib.metadata import distribution
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from leeroo.cli.pools import BY_FRAMEWORK, PoolArgument, by_framework, pool_file
from leeroo.cli.printing import paragraph
from leeroo.endpoints.openai_compatible import Endpoint, client_options, complete, key_variable, resolve
from leeroo.endpoints.providers import PROVIDERS
from leeroo.errors import LeerooError
from leeroo.ledger.opening import ledger_of
from leeroo.pool.experts import Expert
from leeroo.pool.file import PoolFile, read_pool
from leeroo.pool.places import host_of, is_local
from leeroo.pool.yamlfile import load_mapping
from leeroo.routing.failures import classify
from leeroo.routing.telling import HELPS
from leeroo.selection.selector import BY_PRICE
from leeroo.visible import counted, visible

Level = Literal["ok", "warn", "fail"]
STYLE = {"ok": None, "warn": "yellow", "fail": "bold red"}
PATIENCE = 10.0
"""Seconds that an endpoint is given to answer."""
SKEW = 60.0
"""Seconds that this machine's clock may differ from others': limits and cool-downs are kept by the clock."""
OLD_PRICES = 90
"""Days after which looked-up prices deserve a look."""


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        level: How bad it is.
        subject: What was checked.
        words: What was found; never a key.
        remedy: What to do, "" where nothing is.
    """

    level: Level
    subject: str
    words: str
    remedy: str = ""


def doctor(
    pool: PoolArgument = None,
    call: Annotated[
        bool, typer.Option("--call", help="Ask every expert for one token, too; that costs money.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no endpoint.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a pool file, its keys, endpoints, prices and ledger, the clock and the predictor. Exit code 1 if any fails.

    Example: `leeroo doctor pool.yaml --call`
    """
    findings = list(examine(pool_file(pool), call=call, offline=offline))
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))  # noqa: T201 - machine-readable
    else:
        for f in findings:
            paragraph(visible(f"{f.subject}: {f.words}"), f"{f.level:<6}", " " * 6, style=STYLE[f.level])
            if f.remedy:
                paragraph(visible(f.remedy), "      -> ")
    if any(f.level == "fail" for f in findings):
        raise typer.Exit(1)


def examine(path: Path, *, call: bool = False, offline: bool = False) -> Iterator[Finding]:
    """All checks, one after the other; each is made even where one before it failed.

    Args:
        path: The pool file.
        call: Whether every expert is asked for one token.
        offline: Whether no endpoint is asked.
    """
    own: Path | None = None
    try:
        file = read_pool(path)
    except LeerooError as error:
        yield Finding("fail", "pool", str(error), "Mend the pool file; no call can be made with it.")
    else:
        yield Finding("ok", "pool", f"{counted(len(file.pool), 'expert')}: {', '.join(file.pool.names)}")
        own, reachable = file.predictor, []
        for expert in file.pool:
            finding, place = _key(expert)
            yield finding
            if place is not None:
                reachable.append((expert, place))
        yield from _prices(file, load_mapping(path))
        yield from _knowledge(file)
        clocks: list[float] = []
        if not offline:
            with ThreadPoolExecutor(8) as threads:
                for found, skew in threads.map(lambda pair: _endpoint(*pair, call=call), reachable):
                    yield from found
                    clocks += [] if skew is None else [skew]
        yield from _ledger(file, clocks)
        yield _clock(clocks)
        yield _consult(file)
    yield _predictor(own)


def _key(expert: Expert) -> tuple[Finding, Endpoint | None]:
    subject = f"key of {expert.name}"
    if expert.provider == "hf":
        return Finding("ok", subject, "a local model; none is needed"), None
    if by_framework(expert):
        return Finding("warn", subject, BY_FRAMEWORK, "For leeroo ask, chat and serve, give base_url."), None
    variable = key_variable(expert)
    try:
        place = resolve(expert)
    except LeerooError as error:
        remedy = f"export {variable}=..." if variable else "See what was found."
        return Finding("fail", subject, str(error), remedy), None
    where = host_of(place.base_url) if place.base_url else "the openai SDK's default address"
    if variable is not None:
        return Finding("ok", subject, f"{variable} is set, and is sent to {where}"), place
    words = f"none is asked for, and none is sent to {where}"
    own = PROVIDERS.get(expert.provider or "", (None, ""))[1]
    if own:
        words += f": {own} goes to {expert.provider}'s own hosts only"
    if place.base_url is None or is_local(place.base_url):
        return Finding("ok", subject, words), place
    remedy = "Where it wants a key, name the variable that holds it: api_key_env."
    return Finding("warn", subject, words, remedy), place


def _prices(file: PoolFile, written: dict[str, Any]) -> Iterator[Finding]:
    looked_up = [e.name for e in file.pool if not written["experts"][e.name].get("price")]
    if len(looked_up) < len(file.pool):
        yield Finding("ok", "prices", f"{len(file.pool) - len(looked_up)} stated in the pool file")
    if not looked_up:
        return
    package = distribution("genai-prices")
    made = max((Path(str(package.locate_file(f))).stat().st_mtime for f in package.files or ()), default=0.0)
    days = int((time.time() - made) / 86400)
    words = f"{', '.join(looked_up)}: from genai-prices {package.version}, installed {counted(days, 'day')} ago"
    old = days > OLD_PRICES
    remedy = "pip install -U genai-prices, or state the prices in the pool file." if old else ""
    yield Finding("warn" if old else "ok", "prices", words, remedy)


def _knowledge(file: PoolFile) -> Iterator[Finding]:
    """What the quality of each expert is predicted from."""
    from leeroo.prediction import load

    try:
        known = load(file.predictor).tell(list(file.pool))
    except LeerooError as error:
        yield Finding("fail", "quality", str(error), "Mend predictor in the pool file, or take the key away.")
        return
    for (source, said), expert in zip(known, file.pool, strict=False):
        little = source in BY_PRICE
        yield Finding("warn" if little else "ok", f"quality of {expert.name}", f"from {said}", HELPS * little)


def _endpoint(expert: Expert, place: Endpoint, *, call: bool) -> tuple[list[Finding], float | None]:
    """What an endpoint says to `GET /models`, and by how many seconds its clock differs from ours."""
    import openai

    subject, skew = f"endpoint of {expert.name}", None
    found = []
    try:
        with openai.OpenAI(**client_options(expert, place), timeout=PATIENCE) as client:
            began = time.time()
            raw = client.models.with_raw_response.list()
            skew = _skew(raw.headers.get("date"), (began + time.time()) / 2)
            names = {model.id for model in raw.parse().data}
        if place.model in names:
            found.append(Finding("ok", subject, f"answers, and lists {place.model}"))
        else:
            some = ", ".join(sorted(names)[:3]) or "none"
            words = f"answers, but lists no {place.model} (it has {some}{', ...' if len(names) > 3 else ''})"
            found.append(Finding("warn", subject, words, "Check the model's name, or try --call."))
    except Exception as error:
        failure = classify(error)
        if failure.status in (404, 405) or failure.kind in ("bad_answer", "other"):
            words = "answers, but has no list of models"
            found.append(Finding("ok" if call else "warn", subject, words, "" if call else "Try --call."))
        else:
            found.append(Finding("fail", subject, _met(failure), failure.remedy))
    if call:
        found.append(_one_token(expert))
    return found, skew


def _one_token(expert: Expert) -> Finding:
    subject = f"call of {expert.name}"
    began = time.perf_counter()
    try:
        _, usage = complete(
            expert.model_copy(update={"timeout": min(expert.timeout, 3 * PATIENCE)}),
            [{"role": "user", "content": "Say OK."}],
            max_tokens=1,
        )
    except Exception as error:
        failure = classify(error)
        return Finding("fail", subject, _met(failure), failure.remedy or "Ask it by hand to see more.")
    words = f"answered in {time.perf_counter() - began:.1f} s, {counted(usage.input_tokens, 'token')} read"
    if usage.estimated:
        return Finding("warn", subject, f"{words}, usage not reported", "Its costs will be estimates.")
    return Finding("ok", subject, words)


def _met(failure: Any) -> str:
    """A failure in words of ours: those of the endpoint may hold a key."""
    return f"{failure.kind}{f' (HTTP {failure.status})' if failure.status else ''}"


def _ledger(file: PoolFile, clocks: list[float]) -> Iterator[Finding]:
    if file.ledger in (None, "memory"):
        words = "in memory: spend and limits are forgotten when the process ends"
        yield Finding("warn", "ledger", words, "Name one in the pool file: ledger: sqlite:///leeroo.db")
        return
    try:
        ledger: Any = ledger_of(file.ledger)
        skew = ledger.check()
        aside, resting = ledger.set_aside(), ledger.cool_downs.listed()
        ledger.close()
    except LeerooError as error:
        yield Finding("fail", "ledger", str(error), "Calls are refused, or go on unrecorded (on_failure=continue).")
        return
    clocks += [] if skew is None else [skew]
    yield Finding("ok", "ledger", "opens, is up to date, and can be written")
    if aside and (newest := aside[-1]):
        words = f"{counted(len(aside), 'write')} could never be booked; the newest: {newest['what']}: {newest['why']}"
        yield Finding("warn", "ledger", words, "Compare with the provider's bill; the table set_aside has all of them.")
    for key, kind, seconds in resting:
        if kind == "over_cap":
            words = f"put aside for {seconds / 60:.0f} min: it wrote past the output cap it was sent"
            remedy = "Calls under a cap leave it alone. Have its server heed max_tokens, or take it out of the pool."
            yield Finding("warn", f"expert {key.removesuffix('#over_cap')}", words, remedy)
    place = Path(file.ledger.split("?")[0].removeprefix("sqlite:///")) if file.ledger.startswith("sqlite:///") else None
    if place is not None and place.exists() and place.stat().st_mode & 0o077:
        yield Finding("warn", "ledger", "others on this machine may read the file", f"chmod 600 {place}")


def _skew(date: str | None, ours: float) -> float | None:
    """Seconds by which our clock is ahead of a server's Date header."""
    try:
        return None if date is None else ours - parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


def _clock(clocks: list[float]) -> Finding:
    if not clocks:
        made = Path(__file__).stat().st_mtime
        if time.time() < made:
            words = "it is earlier than the time at which Leeroo was installed"
            return Finding("fail", "clock", words, "Set this machine's clock; limits reset by it.")
        return Finding("ok", "clock", "later than Leeroo's installation; nobody to compare it with")
    worst = max(clocks, key=abs)
    if abs(worst) > SKEW:
        words = f"{abs(worst):.0f} s {'ahead of' if worst > 0 else 'behind'} the others'"
        return Finding("warn", "clock", words, "Set this machine's clock (NTP); limits reset by it.")
    return Finding("ok", "clock", f"within {max(1, round(abs(worst)))} s of {len(clocks)} others")


def _predictor(own: Path | None) -> Finding:
    """Whether a pool's own predictor predicts, or the one that ships."""
    from leeroo.prediction import load

    try:
        load(own).encode(["What is the capital of France?"])
    except LeerooError as error:
        remedy = "Mend predictor in the pool file." if own else "pip install --force-reinstall leeroo"
        return Finding("fail", "predictor", str(error), remedy)
    return Finding("ok", "predictor", "intact, and reads texts")


def _consult(file: PoolFile) -> Finding:
    """Which consult model is in use, and whether it can be."""
    from leeroo.prediction import load
    from leeroo.routing.own_consulting import OwnConsulting

    own = OwnConsulting(lambda: load(file.predictor), file.consult)
    try:
        found = own.in_use()
    except LeerooError as error:
        return Finding("fail", "consult", str(error), "Mend consult in the pool file, or take the key away.")
    model = found.model
    names = {e.name: model.name_of(e.name, e.traits, e.model_id) for e in file.pool}
    strangers = [name for name, known in names.items() if known not in model.traits]
    words = f"{found.words}; as usual for {', '.join(strangers)}" if strangers and model.queries else found.words
    return Finding("ok", "consult", f"model: {words}{f'; judge: {own.judge}' if own.judge else ''}")
