"""`leeroo report`: a ledger as one HTML page that needs no server and no network."""

from leeroo.report.page import write_report

__all__ = ["write_report"]
