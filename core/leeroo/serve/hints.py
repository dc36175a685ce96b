"""What a request to a path that is not served was meant for: `http_error`."""

from collections.abc import Mapping

from leeroo.errors import nearest
from leeroo.serve.dialects import DIALECTS
from leeroo.serve.dialects.messages import COUNTING
from leeroo.serve.errors import Refusal
from leeroo.visible import visible

PATHS = (*(dialect.path for dialect in DIALECTS), COUNTING.path, "/v1/models", "/healthz", "/metrics")
_BASES = {
    "/v1/v1/": "Your client adds /v1 itself (Anthropic's do): take it off its base URL.",
    "/v1/responses/": "Nothing is kept here, so responses cannot be fetched or cancelled later: stream them.",
    "/v1/conversations": "Nothing is kept here: send all items so far in `input`.",
    "/v1/messages/batches": "There are no batches here: send each request by itself.",
}


def http_error(status: int, detail: str, headers: Mapping[str, str] | None, path: str) -> Refusal:
    """An error of HTTP itself, with what may help.

    Args:
        status: HTTP status.
        detail: What FastAPI says.
        headers: To be sent with it, or None.
        path: The request's.
    """
    if status == 404:
        return Refusal(404, f"There is no path {visible(path, 100)} here.{_hint(path)}", code="unknown_path")
    if status == 405:
        method = (
            "POST"
            if any(path == dialect.path for dialect in (*DIALECTS, COUNTING))
            else (headers or {}).get("Allow", "GET")
        )
        return Refusal(405, f"{visible(path, 100)} takes {method} only.", headers=headers or {}, code="unknown_method")
    return Refusal(status, detail, headers=headers or {})


def _hint(path: str) -> str:
    for begin, hint in _BASES.items():
        if path.startswith(begin):
            return f" {hint}"
    if f"/v1{path}" in PATHS:
        return f" Did you mean /v1{path}? Give your client a base URL that ends with /v1."
    # Paths are alike by what they begin with: only a slip of the pen is near.
    near = nearest(path[:100], PATHS, least=0.8)
    return f" Did you mean {near!r}?" if near else f" Served are {', '.join(PATHS)}."
