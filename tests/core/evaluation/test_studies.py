"""Leaving experts and domains out, on a table whose truth is known."""

import numpy as np
import pytest

from leeroo.evaluation import newcomers, shift
from leeroo.evaluation.costs import experts_of
from leeroo.prediction.response import ResponsePredictor
from tests.core.evaluation.conftest import EXPERTS, make_table, vectors_of


@pytest.mark.parametrize("space", ["plain", "own"])
def test_more_outcomes_of_a_new_expert_help_until_it_is_known(folder, predictor, space):
    rows = newcomers.study(folder, predictor, space)
    assert [row.outcomes for row in rows] == [0, 10, 30, 100, 300, None]
    nothing, all_of_them = rows[0], rows[-1]
    assert all_of_them.auc > nothing.auc + 0.1
    assert all_of_them.auc_interval[0] < all_of_them.auc < all_of_them.auc_interval[1]
    assert all_of_them.aiq > nothing.aiq
    assert len(newcomers.markdown(rows).splitlines()) == 2 + len(rows)


def test_the_study_of_new_experts_is_drawn(folder, predictor, tmp_path):
    rows = newcomers.study(folder, predictor, "plain")
    assert newcomers.plot(rows, tmp_path / "new.png").read_bytes().startswith(b"\x89PNG")


def test_a_domain_left_out_is_routed_by_what_the_others_teach(folder, predictor):
    rows = shift.leave_domains_out(folder, predictor, "plain")
    assert [row.domain for row in rows] == ["east", "north", "south", "all"]
    together = rows[-1]
    assert together.queries == 450 == sum(row.queries for row in rows[:-1])
    assert together.auc > 0.6  # who can answer does not depend on the domain here
    assert together.routed >= together.fixed - 0.02
    assert together.frontier > together.fixed_frontier
    assert len(shift.markdown(rows).splitlines()) == 2 + len(rows)


def test_a_table_left_out_is_routed_by_its_experts_levels(folder, predictor, tmp_path):
    other = make_table(tmp_path, "other", count=150)
    row = shift.leave_table_out(other, [folder], predictor, "plain")
    assert row.queries > 20
    assert row.routed == pytest.approx(row.fixed, abs=0.2)
    assert np.isfinite([row.auc, row.ece, row.frontier]).all()


def test_a_query_unlike_anything_is_predicted_at_its_experts_priors(fitted):
    pool = experts_of(EXPERTS, np.ones((4, 2), dtype=np.float32))
    strange, usual = np.zeros((1, 8), dtype=np.float32), vectors_of(["east question 1 of made"])
    strange[0, 1] = -5  # the domains lie on the other side
    found = ResponsePredictor(fitted).predict_vectors(np.concatenate([strange, usual]), pool)
    assert found.novelty.tolist() == [1.0, 0.0]
    np.testing.assert_allclose(found.quality[0], fitted.arrays["prior"], atol=1e-6)
    assert np.abs(found.quality[1] - fitted.arrays["prior"]).max() > 0.1
