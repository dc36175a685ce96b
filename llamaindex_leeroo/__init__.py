"""Leeroo for LlamaIndex: an LLM that sends each call to the cheapest adequate expert within its budget."""

from llamaindex_leeroo.events import RoutingEvent
from llamaindex_leeroo.llm import Leeroo

__all__ = ["Leeroo", "RoutingEvent"]
