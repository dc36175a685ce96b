"""What a request in OpenAI's format asks for beside an answer, at a price of its own."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from leeroo.pool.kinds import SERVICES
from leeroo.query import Sampling

SEARCHES = 10
"""Searches assumed at most where a request allows them and says no number."""
BODY = "extra_body"
"""The kwarg of the frameworks' OpenAI models whose content is sent as if it stood beside the others, and wins."""
_NATIVE = frozenset(
    {"google_search", "google_search_retrieval", "google_maps", "url_context", "code_execution", "file_search",
     "computer_use"}
)  # fmt: skip
"""Google's own tools, which are told by their name as the only key."""
_PRICED_APART = ("web_search_options", "plugins", "models", "audio", "prediction")
"""Parameters that change what a call costs and that a caller of the core may give; `leeroo serve` refuses them."""


def as_sent(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The kwargs of a framework's model as its endpoint gets them; tools of both places, for one of them is sent."""
    inner = kwargs.get(BODY)
    if not isinstance(inner, Mapping):
        return dict(kwargs)
    tools = [tool for place in (kwargs, inner) for tool in place.get("tools") or ()]
    return {**kwargs, **inner, **({"tools": tools} if tools else {})}


def unpriced(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of what a request asks for that has no bound, whoever answers: a provider's tools, unknown service tiers.

    A search has a price, but what it finds is input that nobody has counted.
    """
    names = {f"the tool {str(tool.get('type'))[:60]!r}" for tool in body.get("tools") or ()
             if isinstance(tool, Mapping) and tool.get("type", "function") not in ("function", "custom")}  # fmt: skip
    names |= {f"the tool {str(key)!r}" for tool in body.get("tools") or () if isinstance(tool, Mapping)
              for key in tool if key in _NATIVE}  # fmt: skip
    if body.get("service_tier") not in (None, "auto", "default") and service_of(body) is None:
        names.add("service_tier")
    inner = body.get(BODY)
    if isinstance(inner, Mapping) and inner.get("model") is not None:
        names.add(f"model in {BODY}")
    names |= {key for key in _PRICED_APART if body.get(key)}
    names |= {key for key in ("n", "best_of") if body.get(key) not in (None, 0, 1)}
    return tuple(sorted(names))


def cache_writes(body: Mapping[str, Any]) -> Literal["5m", "1h"] | None:
    """How long a request asks the provider to keep its input cached: by Anthropic's marks, which gateways pass on."""
    marks = [mark for mark in _all("cache_control", body) if mark]
    if not marks:
        return None
    return "1h" if any(isinstance(mark, Mapping) and mark.get("ttl") == "1h" for mark in marks) else "5m"


def searches(body: Mapping[str, Any]) -> int:
    """Searches of the web that a provider may make at most."""
    most = SEARCHES if body.get("web_search_options") is not None else 0
    for tool in body.get("tools") or ():
        if isinstance(tool, Mapping) and str(tool.get("type", "")).startswith("web_search"):
            uses = tool.get("max_uses")
            most += uses if type(uses) is int and 0 < uses < 1000 else SEARCHES
    return most


def service_of(body: Mapping[str, Any]) -> str | None:
    """The service tier that a request asks for; None: the standard one, or one that is not known."""
    tier = body.get("service_tier")
    return tier if isinstance(tier, str) and tier in SERVICES else None


def sampling_of(body: Mapping[str, Any]) -> Sampling:
    """How a request, or a ready model object by its fields, has answers drawn."""

    def number(*names: str) -> Any:
        found = (body.get(name) for name in names)
        return next((v for v in found if isinstance(v, (int, float)) and not isinstance(v, bool)), None)

    seed = number("seed", "random_seed")
    # Local servers take -1 for a new seed each time.
    return Sampling(number("temperature"), number("top_p"), number("top_k"), None if seed is None or seed < 0 else seed)


def _all(name: str, body: Mapping[str, Any]) -> Iterator[Any]:
    """All values of that name, however deep."""
    waiting: list[Any] = [body]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            if name in value:
                yield value[name]
            waiting.extend(value.values())
        elif isinstance(value, (list, tuple)):
            waiting.extend(value)
