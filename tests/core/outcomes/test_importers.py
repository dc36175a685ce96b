"""Small files in each documented format; what is malformed is named with file and line, and the rest imported."""

import csv
import json
import pickle
import zipfile

import numpy as np
import pytest

from leeroo.errors import ConfigError
from leeroo.evaluation.replaying import read_game
from leeroo.outcomes.importers import import_outcomes
from leeroo.outcomes.table import OutcomeTable
from leeroo.prediction.predictor import ConstantPredictor

PRICES = {"m": (1.0, 2.0), "acme/m": (1.0, 2.0), "small": (0.1, 0.2), "large": (1.0, 2.0)}


def jsonl(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n")
    return path


def wide(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_lm_eval_samples_in_both_shapes_of_arguments(tmp_path):
    file = jsonl(
        tmp_path / "acme__m" / "samples_gsm8k_2026-01-01T00-00-00.jsonl",
        {"doc_id": 0, "doc": {"question": "What is 2+2?"}, "resps": [["It is four."]], "exact_match": 1.0},
        {
            "doc_id": 1,
            "doc": {"x": 1},
            "arguments": [["What is 3+3?", " 6"]],
            "resps": [[["-1.0", "True"]]],
            "acc": 0.0,
        },
        {"doc_id": 2, "doc": {}, "arguments": {"gen_args_0": {"arg_0": "What is 4+4?"}}, "exact_match": True},
        "{ torn",
        {"doc_id": 4, "doc": {"question": "What is 5+5?"}},
    )
    found = import_outcomes([file], "lm-eval", name="mine", prices=PRICES)
    assert found.table.queries == ("What is 2+2?", "What is 3+3?", "What is 4+4?")
    assert found.table.experts == ("acme/m",)
    assert found.table.scores.ravel().tolist() == [1.0, 0.0, 1.0]
    assert set(found.table.domains) == {"gsm8k"}
    assert [s.line for s in found.skipped] == [4, 5]
    assert "samples_gsm8k" in str(found.skipped[0])
    assert "--column score=" in found.skipped[1].reason
    assert found.summary() == "3 outcomes of 1 expert on 3 queries imported; 2 rows left out."


def test_mmlu_pro_zip_of_json(tmp_path):
    row = {
        "question": "Which?",
        "options": ["a", "b"],
        "answer": "B",
        "pred": "B",
        "category": "law",
        "model_outputs": "x" * 70,
    }
    path = tmp_path / "results.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "model_outputs_m_5shots.json", json.dumps([row, {**row, "question": "What?", "pred": None}, {"x": 1}])
        )
    found = import_outcomes([path], "mmlu-pro", name="pro", prices=PRICES)
    assert found.table.queries[0] == "Which?\nA. a\nB. b"
    assert found.table.scores.ravel().tolist() == [1.0, 0.0]
    assert found.table.completion_tokens[0, 0] == 20
    assert found.table.domains == ("law", "law")
    assert found.table.answers.tolist() == [["#0"], ["#-"]]
    assert found.skipped[0].line == 3
    assert "options" in found.skipped[0].reason


def test_routellm_wide_csv(tmp_path):
    file = wide(
        tmp_path / "mmlu_law.csv",
        [
            {"prompt": "Q1, with a comma\nand a line", "org/small": "True", "large": "False"},
            {"prompt": "Q2", "org/small": "0.5", "large": "True"},
            {"prompt": "Q3", "org/small": "maybe", "large": "True"},
        ],
    )
    found = import_outcomes([file], "routellm", name="r", prices=PRICES)
    assert found.table.experts == ("large", "small")
    assert found.table.scores.tolist() == [[0.0, 1.0], [1.0, 0.5]]
    assert found.table.domains == ("law", "law")
    assert "maybe" in found.skipped[0].reason


def test_routerbench_wide_csv(tmp_path):
    file = wide(
        tmp_path / "rb.csv",
        [
            {"sample_id": "1", "prompt": "['System.', 'Q1']", "eval_name": "mbpp",
             "small": "1.0", "small|model_response": "ok", "small|total_cost": "0.1",
             "large": "", "large|model_response": "", "large|total_cost": ""},
        ],
    )  # fmt: skip
    found = import_outcomes([file], "routerbench", name="rb", prices=PRICES)
    assert found.table.queries == ("System.\nQ1",)
    assert found.table.experts == ("small",)
    assert found.rows == 1


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_plain_files_with_mapped_columns_average_several_draws(tmp_path, suffix):
    rows = [
        {"prompt": "Q1", "llm": "m", "ok": 1, "tokens": 7},
        {"prompt": "Q1", "llm": "m", "ok": 0, "tokens": 7},
        {"prompt": "Q2", "llm": "m", "ok": 1, "tokens": 9},
    ]
    path = tmp_path / f"plain.{suffix}"
    if suffix == "csv":
        wide(path, rows)
    elif suffix == "jsonl":
        jsonl(path, *rows)
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(rows), path)
    mapping = {"query": "prompt", "expert": "llm", "score": "ok", "completion_tokens": "tokens"}
    found = import_outcomes([path], "plain", name="p", columns=mapping, prices=PRICES)
    assert found.table.scores.ravel().tolist() == [0.5, 1.0]
    assert found.table.completion_tokens.ravel().tolist() == [7, 9]


def test_what_was_imported_is_a_table_like_any_other(tmp_path):
    rows = [{"query": "Q1", "expert": "small", "score": 1}, {"query": "Q2", "expert": "large", "score": 0}]
    file = jsonl(tmp_path / "p.jsonl", *rows)
    found = import_outcomes([file], "plain", name="p", prices=PRICES)
    found.table.write(tmp_path / "table")
    again = OutcomeTable.read(tmp_path / "table")
    assert again.queries == ("Q1", "Q2")
    np.testing.assert_array_equal(np.isnan(again.scores), [[True, False], [False, True]])


def test_errors_name_the_thing_and_the_remedy(tmp_path):
    good = jsonl(tmp_path / "p.jsonl", {"query": "Q", "expert": "nobody-knows-me", "score": 1})
    with pytest.raises(ConfigError, match=r"nobody-knows-me.*--price"):
        import_outcomes([good], "plain", name="p")
    with pytest.raises(ConfigError, match="'lm-eval'"):
        import_outcomes([good], "lm_eval", name="p")
    with pytest.raises(ConfigError, match="'query'"):
        import_outcomes([good], "plain", name="p", columns={"querry": "x"})
    with pytest.raises(ConfigError, match=r"No such file"):
        import_outcomes([tmp_path / "none.jsonl"], "plain", name="p")
    bad = jsonl(tmp_path / "bad.jsonl", {"query": "", "expert": "m", "score": 1})
    with pytest.raises(ConfigError, match=r"No outcome.*bad\.jsonl:1"):
        import_outcomes([bad], "plain", name="p")
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({}))
    with pytest.raises(ConfigError, match="pickles are refused"):
        import_outcomes([tmp_path / "x.pkl"], "routerbench", name="p")
    (tmp_path / "x.zip").write_bytes(b"not a zip")
    with pytest.raises(ConfigError, match="not a zip"):
        import_outcomes([tmp_path / "x.zip"], "mmlu-pro", name="p")


def test_of_answers_only_which_are_the_same_is_kept(tmp_path):
    question = "Which gas do plants take in?\nA. Oxygen\nB. Carbon dioxide"
    given = {"a": "The answer is B.", "b": "(B)", "c": "A", "d": None}
    rows = [{"query": question, "expert": e, "score": 1, "reply": said} for e, said in given.items()]
    jsonl(tmp_path / "told.jsonl", *rows, {**rows[0], "expert": "e"}, {**rows[0], "expert": "e"})
    prices = dict.fromkeys((*given, "e"), (1.0, 1.0))
    found = import_outcomes(
        [tmp_path / "told.jsonl"], "plain", name="p", columns={"answer": "reply"}, prices=prices
    ).table
    assert found.answers.tolist() == [["#0", "#0", "#1", None, None]]
    found.write(tmp_path / "p")
    game = read_game(tmp_path / "p", ConstantPredictor(), experts=["a", "b", "c"])
    assert game.clusters.tolist() == [[0, 0, 1]]


def test_routereval_arrays(tmp_path):
    """As its `test_router.py` writes them, which names no models, and with names."""
    arrays = {
        "train_prompt": np.array(["What is 2+2?", "What is 3+3?"]), "train_score": np.array([[1, 0], [0, 1]]),
        "test_prompt": np.array(["What is 4+4?"]), "test_score": np.array([[1.0, 1.0]]),
    }  # fmt: skip
    np.savez(tmp_path / "gsm8k_router_dataset.npz", **arrays)
    found = import_outcomes([tmp_path / "gsm8k_router_dataset.npz"], "routereval", name="mine", prices={"*": (1, 2)})
    assert found.table.experts == ("model-0", "model-1")
    assert found.table.scores.tolist() == [[1, 0], [0, 1], [1, 1]]
    assert set(found.table.domains) == {"gsm8k"}
    np.savez(tmp_path / "named.npz", **arrays, models=np.array(["small", "large"]))
    assert import_outcomes([tmp_path / "named.npz"], "routereval", name="m", prices=PRICES).table.experts == (
        "large", "small")  # fmt: skip


@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        ({"train_prompt": np.array(["a", "b"], dtype=object), "train_score": np.ones((2, 2))}, "dtype=str"),
        ({"train_prompt": np.array(["a"]), "train_score": np.ones((2, 2))}, "shape"),
        ({"train_prompt": np.array(["a"])}, "train_score"),
        ({"x": np.ones(2)}, "test_prompt"),
    ],
    ids=["a pickle inside", "another shape", "no scores", "something else"],
)
def test_other_arrays_are_refused(tmp_path, arrays, match):
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(ConfigError, match=match):
        import_outcomes([tmp_path / "bad.npz"], "routereval", name="m", prices={"*": (1, 1)})


@pytest.mark.parametrize("score", ["100", "5", "-1", "1.01"])
def test_scores_on_another_scale_are_refused_and_not_read_in_part(tmp_path, score):
    """Of a file in percent, the zeros alone had been imported: every model always wrong."""
    rows = [{"query": f"Q{i}", "expert": "m", "score": given} for i, given in enumerate(["0", score, "1"])]
    with pytest.raises(ConfigError, match=r"mine\.csv:3: score .* is not between 0 and 1.*percent / 100"):
        import_outcomes([wide(tmp_path / "mine.csv", rows)], "plain", name="p", prices=PRICES)


@pytest.mark.parametrize(("encoding", "delimiter"), [("utf-8-sig", ";"), ("utf-16", "\t"), ("utf-8", ",")])
def test_what_spreadsheets_write_is_read(tmp_path, encoding, delimiter):
    lines = [["query", "expert", "score"], ["Grüße; oder, nicht?", "m", "1"]]
    with (tmp_path / "mine.csv").open("w", newline="", encoding=encoding) as file:
        csv.writer(file, delimiter=delimiter).writerows(lines)
    found = import_outcomes([tmp_path / "mine.csv"], "plain", name="p", prices=PRICES)
    assert found.table.queries == ("Grüße; oder, nicht?",)


def test_a_column_that_is_not_there_is_told_with_those_that_are(tmp_path):
    file = wide(tmp_path / "mine.csv", [{"prompt": "Q", "expert": "m", "scores": "good"}])
    with pytest.raises(ConfigError, match=r"has no 'query'\. Known: expert, prompt, scores"):
        import_outcomes([file], "plain", name="p", prices=PRICES)
    with pytest.raises(ConfigError, match="score 'good' is no number"):
        import_outcomes([file], "plain", name="p", prices=PRICES, columns={"query": "prompt", "score": "scores"})
