"""Leeroo where LlamaIndex users look for LLMs: `from llama_index.llms.leeroo import Leeroo`."""

from llamaindex_leeroo import Leeroo, RoutingEvent

__all__ = ["Leeroo", "RoutingEvent"]
