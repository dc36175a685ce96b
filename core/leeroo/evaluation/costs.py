"""What calls are expected to cost before they are made, for the experts of an outcome table."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from leeroo.errors import ConfigError
from leeroo.outcomes.table import OutcomeTable
from leeroo.pool.experts import Expert
from leeroo.pool.prices import Price
from leeroo.prediction.predictor import Prediction, Predictor
from leeroo.visible import counted

Floats = npt.NDArray[np.float64]
CHARS_PER_TOKEN = 4.0
"""English text, where the tokens were not counted."""
NAMED = 8
"""Experts that a message names."""


def check_costs(table: OutcomeTable, option: str) -> None:
    """See to it that what every outcome of a table cost is known.

    Args:
        table: The outcomes that are to be compared.
        option: The option that takes the names of experts.

    Raises:
        ConfigError: Prices or tokens are missing: of whom, and where they belong.
    """
    known, faults = ~np.isnan(table.scores), []
    unpriced = np.asarray(np.isnan(table.prices).any(axis=1) & known.any(axis=0))
    if unpriced.any():
        faults.append(
            f"no price of {_some(table, unpriced)}: write it into {table.name}/experts.csv, in USD per 1M tokens "
            "(0 where nothing is paid)"
        )
    lacking = unpriced
    for column, tokens in (("prompt_tokens", table.prompt_tokens), ("completion_tokens", table.completion_tokens)):
        absent = known & np.isnan(tokens)
        if absent.any():
            whose = np.asarray(absent.any(axis=0))
            faults.append(
                f"no {column} in {counted(int(absent.sum()), 'outcome')} of {_some(table, whose)}: fill in that column "
                f"of {table.name}/outcomes.parquet, or import again with --column {column}=YOURS"
            )
            lacking = np.logical_or(lacking, whose)
    if faults:
        rest = [name for name, bad in zip(table.experts, lacking, strict=True) if not bad]
        without = f" Or leave these experts out: {option} {','.join(rest)}." if 1 < len(rest) <= NAMED else ""
        raise ConfigError(f"{table.name}: costs cannot be compared; {'; '.join(faults)}.{without}")


def _some(table: OutcomeTable, which: npt.NDArray[np.bool_]) -> str:
    names = [name for name, one in zip(table.experts, which, strict=True) if one]
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def experts_of(names: Sequence[str], prices: npt.NDArray[np.float32]) -> list[Expert]:
    """A table's experts as a predictor takes them."""
    return [
        Expert(model=name, name=name, price=Price(input=float(usd_in), output=float(usd_out)))
        for name, (usd_in, usd_out) in zip(names, np.nan_to_num(prices), strict=True)
    ]


def table_costs(table: OutcomeTable, tokens: Floats) -> Floats:
    """USD that a table's calls are expected to cost, where answers have `tokens`, both of shape (queries, experts).

    Where the table assumes one length for all outputs, so does this.
    """
    if (assumed := table.assumed_tokens) is not None:
        tokens = np.full_like(tokens, assumed)
    return _usd(table.queries, table.prices, table.prompt_tokens.astype(np.float64), tokens)


def expected_costs(
    predictor: Predictor,
    prediction: Prediction,
    experts: Sequence[Expert],
    queries: Sequence[str],
    prices: npt.NDArray[np.float32],
    prompt_tokens: Floats | None = None,
) -> Floats:
    """Expected USD of every call, shape (queries, experts).

    Where the predictor was trained on a table that assumes one length for all outputs, the same is assumed here: such
    a table's costs say nothing of real lengths.

    Args:
        predictor: Asked for what it knows of assumed lengths.
        prediction: Its prediction.
        experts: The experts.
        queries: The texts.
        prices: USD per 1M tokens, shape (experts, 2).
        prompt_tokens: Where counted, NaN elsewhere, shape (queries, experts).
    """
    tokens_out = prediction.output_tokens.astype(np.float64)
    assumed = _assumed(predictor, experts)
    tokens_out = np.where(np.isnan(assumed), tokens_out, assumed)
    return _usd(queries, prices, prompt_tokens, tokens_out)


def _usd(
    queries: Sequence[str], prices: npt.NDArray[np.float32], prompt_tokens: Floats | None, output_tokens: Floats
) -> Floats:
    """USD of calls; prompts that were not counted are estimated from their texts, unknown prices are 0."""
    estimated = np.array([[max(1.0, len(query) / CHARS_PER_TOKEN)] for query in queries])
    tokens_in = np.broadcast_to(estimated, output_tokens.shape)
    if prompt_tokens is not None:
        tokens_in = np.where(np.isnan(prompt_tokens), tokens_in, prompt_tokens)
    usd = np.nan_to_num(prices.astype(np.float64))
    return np.asarray((tokens_in * usd[:, 0] + output_tokens * usd[:, 1]) / 1e6)


def _assumed(predictor: Predictor, experts: Sequence[Expert]) -> Floats:
    from leeroo.prediction.matching import Matcher
    from leeroo.prediction.response import ResponsePredictor

    found = np.full(len(experts), np.nan)
    if isinstance(predictor, ResponsePredictor):
        known, lengths = predictor.known, predictor.artifact.settings.get("assumed_tokens", {})
        for j, column in enumerate(Matcher(known).columns(experts)):
            if column is not None:
                found[j] = lengths.get(known[column].table, np.nan)
    return found
