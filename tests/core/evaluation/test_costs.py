"""What is missing for costs to be compared is said with where it belongs."""

from dataclasses import replace

import numpy as np
import pytest

from leeroo.errors import ConfigError
from leeroo.evaluation import evaluate
from leeroo.evaluation.costs import check_costs
from leeroo.outcomes.table import OutcomeTable


@pytest.fixture
def table(folder):
    return OutcomeTable.read(folder)


def said_of(table, option="--pool"):
    with pytest.raises(ConfigError) as error:
        check_costs(table, option)
    return str(error.value)


def test_an_expert_without_a_price_is_named_with_the_file(table):
    check_costs(table, "--pool")
    prices = table.prices.copy()
    prices[1, 1] = np.nan
    said = said_of(replace(table, prices=prices))
    assert "no price of right: write it into made/experts.csv" in said
    assert said.endswith("leave these experts out: --pool left,both,little.")


def test_outcomes_without_tokens_are_counted_by_column(table):
    tokens = table.completion_tokens.copy()
    tokens[0, 0] = tokens[3, 2] = np.nan
    said = said_of(replace(table, completion_tokens=tokens), "--experts")
    assert "no completion_tokens in 2 outcomes of left, both" in said
    assert "made/outcomes.parquet" in said
    assert "--column completion_tokens=YOURS" in said
    assert "--experts right,little" in said
    assert "price" not in said


def test_what_nobody_has_is_not_mended_by_a_smaller_pool(table):
    said = said_of(replace(table, prompt_tokens=np.full_like(table.prompt_tokens, np.nan)))
    assert f"no prompt_tokens in {4 * len(table)} outcomes of left, right, both, little" in said
    assert "leave" not in said


def test_tokens_of_who_was_not_asked_are_not_missed(table):
    tokens, scores = table.completion_tokens.copy(), table.scores.copy()
    tokens[0, 0] = scores[0, 0] = np.nan
    check_costs(replace(table, completion_tokens=tokens, scores=scores), "--pool")


def test_evaluation_says_so_and_who_answered_least(folder, table, predictor, tmp_path):
    tokens = np.full_like(table.completion_tokens, np.nan)
    replace(table, completion_tokens=tokens).write(tmp_path / "bare")
    with pytest.raises(ConfigError, match="bare: costs cannot be compared; no completion_tokens"):
        evaluate(tmp_path / "bare", predictor)
    scores = table.scores.copy()
    scores[::2, 0] = scores[1::2, 1] = scores[:100, 1] = np.nan
    replace(table, scores=scores).write(tmp_path / "apart")
    with pytest.raises(ConfigError, match=r"Of its 450 queries right answered fewest: leave it out \(--pool\)\.$"):
        evaluate(tmp_path / "apart", predictor, split="all")
    with pytest.raises(ConfigError, match="two experts; made has left, right, both, little"):
        evaluate(folder, predictor, pool=["left"])
