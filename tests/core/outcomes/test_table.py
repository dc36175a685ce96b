from dataclasses import replace

import numpy as np
import pytest

from leeroo.errors import ConfigError
from leeroo.outcomes.table import OutcomeTable, part_of, stem_key


def test_a_table_survives_writing_and_reading(table_dir, tmp_path):
    first = OutcomeTable.read(table_dir)
    first.write(tmp_path / "toy")
    second = OutcomeTable.read(tmp_path / "toy")
    assert second.queries == first.queries
    assert second.experts == first.experts
    np.testing.assert_array_equal(second.scores, first.scores)
    np.testing.assert_array_equal(second.completion_tokens, first.completion_tokens)
    assert second.digest() == first.digest()
    assert np.isnan(second.scores).sum() == np.isnan(first.scores).sum() > 0


def test_variants_of_a_question_fall_into_the_same_part():
    four = "Find the degree for Q(sqrt(2)) over Q.\nA. 0\nB. 4\nC. 2\nD. 6"
    ten = "Find the degree for  Q(sqrt(2)) over Q .\nA. 9\nB. 4\nC. 2\nD. 6\nE. 7\nF. 8"
    assert stem_key(four) == stem_key(ten)
    assert part_of(four) == part_of(ten)
    assert stem_key(four) != stem_key("Find the order of Q(sqrt(2)) over Q.\nA. 0")


def test_parts_are_four_fifths_and_two_tenths():
    parts = [part_of(f"question number {i}") for i in range(3000)]
    assert 0.77 < parts.count("train") / 3000 < 0.83
    assert 0.08 < parts.count("validation") / 3000 < 0.12
    assert part_of("x", seed=1) in ("train", "validation", "test")


def test_missing_files_columns_and_bad_scores_are_named(tmp_path, table_dir):
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pytest.raises(ConfigError, match=r"queries.parquet: no such file"):
        OutcomeTable.read(tmp_path)
    OutcomeTable.read(table_dir).write(tmp_path)
    pq.write_table(pa.table({"query_id": ["toy-0"], "expert": ["both"], "score": [7.0]}), tmp_path / "outcomes.parquet")
    with pytest.raises(ConfigError, match="score of 'both' on 'toy-0' is 7; 0 to 1 is meant"):
        OutcomeTable.read(tmp_path)
    pq.write_table(
        pa.table({"query_id": ["nobody"], "expert": ["both"], "score": [1.0]}), tmp_path / "outcomes.parquet"
    )
    with pytest.raises(ConfigError, match="'nobody' is not in queries"):
        OutcomeTable.read(tmp_path)
    pq.write_table(pa.table({"query_id": ["toy-0"], "expert": ["both"]}), tmp_path / "outcomes.parquet")
    with pytest.raises(ConfigError, match="column 'score' is missing"):
        OutcomeTable.read(tmp_path)
    pq.write_table(pa.table({"query_id": ["a", "b", "b"], "query": ["1", "2", "3"]}), tmp_path / "queries.parquet")
    with pytest.raises(ConfigError, match="query_id 'b' stands on two rows"):
        OutcomeTable.read(tmp_path)
    OutcomeTable.read(table_dir).write(tmp_path)
    (tmp_path / "experts.csv").write_text("expert,input_usd_per_1m,output_usd_per_1m\nboth,cheap,1\n")
    with pytest.raises(ConfigError, match=r"experts.csv"):
        OutcomeTable.read(tmp_path)


def test_taking_an_unknown_expert_names_the_nearest(table_dir):
    with pytest.raises(ConfigError, match="Did you mean 'lawyer'"):
        OutcomeTable.read(table_dir).take(np.arange(3), ["lawer"])


def test_answers_survive_writing_reading_and_taking(table_dir, tmp_path):
    first = OutcomeTable.read(table_dir)
    assert first.answers is None
    answers = np.full(first.scores.shape, None, dtype=object)
    rows, cols = np.nonzero(~np.isnan(first.scores))
    answers[rows[:3], cols[:3]] = ["#0", "#1", "#-"]
    replace(first, answers=answers).write(tmp_path / "told")
    second = OutcomeTable.read(tmp_path / "told")
    assert second.answers.tolist() == answers.tolist()
    assert second.take(np.array([0]), first.experts[:1]).answers.tolist() == answers[:1, :1].tolist()
