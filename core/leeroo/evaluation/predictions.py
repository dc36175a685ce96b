"""Predictions for a table's queries, without looking at any outcome."""

import csv
from pathlib import Path

from leeroo.errors import ConfigError
from leeroo.evaluation.costs import expected_costs, experts_of
from leeroo.outcomes.table import parquet, read_experts, read_queries
from leeroo.prediction.predictor import Predictor

COLUMNS = ("query_id", "expert", "predicted_quality", "expected_cost")


def predict_table(table: str | Path, out: str | Path, predictor: Predictor) -> int:
    """Write query_id, expert, predicted_quality and expected_cost (USD) for every query and expert of a table.

    Only queries.parquet and experts.csv are read. A .csv file holds ids and names as they are, so that programs find
    them again; one that begins like a formula would run in a spreadsheet, so open tables of strangers as .parquet.

    Args:
        table: The table's folder.
        out: The file to write: .parquet or .csv.
        predictor: Whose predictions.

    Returns:
        The number of rows written.

    Raises:
        ConfigError: The table is not usable, or `out` has another suffix.
    """
    import numpy as np

    place, target = Path(table), Path(out)
    if target.suffix not in (".parquet", ".csv"):
        raise ConfigError(f"{target}: write to a .parquet or a .csv file.")
    columns, listed = read_queries(place), read_experts(place)
    prices = np.array(list(listed.values()), dtype=np.float32).reshape(-1, 2)
    experts = experts_of(list(listed), prices)
    prediction = predictor.predict(columns["query"], experts)
    costs = expected_costs(predictor, prediction, experts, columns["query"], prices)
    ids = [query_id for query_id in columns["query_id"] for _ in experts]
    names = [expert.name for _ in columns["query_id"] for expert in experts]
    values = (ids, names, prediction.quality.astype(float).ravel(), costs.ravel())
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix == ".parquet":
        import pyarrow as pa

        parquet().write_table(pa.table(dict(zip(COLUMNS, values, strict=True))), target)
    else:
        with target.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows((i, e, f"{q:.6f}", f"{c:.10f}") for i, e, q, c in zip(*values, strict=True))
    return len(ids)
