"""What calls are made with, and where their record is."""

from langchain_core.tools import tool
from pydantic import BaseModel


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


class Sum(BaseModel):
    """A sum."""

    value: int


def record(message):
    return message.response_metadata["leeroo"]
