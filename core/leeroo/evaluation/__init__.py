"""Frontier, metrics, baselines, plots: every claim is a command."""

from leeroo.evaluation.predictions import predict_table
from leeroo.evaluation.report import Report
from leeroo.evaluation.run import evaluate

__all__ = ["Report", "evaluate", "predict_table"]
