"""The command line."""

from leeroo.cli.app import app, main

__all__ = ["app", "main"]
