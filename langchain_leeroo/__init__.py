"""Leeroo for LangChain: `ChatLeeroo`, a chat model that sends each call to the cheapest adequate expert."""

from langchain_leeroo.chat_models import ChatLeeroo
from leeroo._version import __version__

__all__ = ["ChatLeeroo", "__version__"]
