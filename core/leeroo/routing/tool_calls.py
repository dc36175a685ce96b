"""Which expert made which tool call, so that the tool's result goes back there: `ToolCalls`."""

import threading
from collections import OrderedDict

from leeroo.pool.experts import Expert

REMEMBERED_TOOL_CALLS = 20_000


class ToolCalls:
    """Remembers the makers of the newest 20,000 tool calls of a router. Thread-safe."""

    def __init__(self) -> None:
        self._makers: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def maker(self, tool_call_id: str) -> str | None:
        """Name of the expert that made a tool call, while it is remembered."""
        return self._makers.get(tool_call_id)

    def remember(self, expert: Expert, tool_call_ids: tuple[str, ...]) -> None:
        """Remember who made these tool calls."""
        if not tool_call_ids:
            return
        with self._lock:
            for tool_call_id in tool_call_ids:
                self._makers[tool_call_id] = expert.name
            while len(self._makers) > REMEMBERED_TOOL_CALLS:
                self._makers.popitem(last=False)
