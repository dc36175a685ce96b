import json
from pathlib import Path

import numpy as np
import pytest

from leeroo.errors import ConfigError
from leeroo.evaluation import evaluate, predict_table
from leeroo.outcomes.table import OutcomeTable
from leeroo.pool.experts import Expert
from leeroo.pool.prices import Price
from leeroo.prediction import load
from leeroo.training import training

PRICE = Price(input=1, output=1)


def experts(*names):
    return [Expert(model=name, name=name, price=PRICE) for name in names]


def test_training_learns_who_is_good_at_what(trained):
    report, out = trained
    assert report.queries["train"] > report.queries["test"] > 0
    predicted = load(out).predict(
        ["prime root integral matrix of the sum", "court appeal contract tort of the judge"],
        experts("mathematician", "lawyer", "both", "neither"),
    )
    maths, law = predicted.quality
    assert maths[0] > maths[1] + 0.2
    assert law[1] > law[0] + 0.2
    assert maths[2] > maths[3] + 0.2
    assert predicted.sources == ("learned",) * 4
    assert (predicted.output_tokens > 10).all()
    assert (predicted.output_tokens < 200).all()


def test_the_artifact_says_where_it_comes_from(trained, table_dir):
    report, out = trained
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["about"]["trained_on"] == report.trained_on
    assert "Apache-2.0" in manifest["about"]["licence"]
    assert {e["name"] for e in manifest["experts"]} == {"mathematician", "lawyer", "both", "neither"}
    query = OutcomeTable.read(table_dir).queries[0].split("\n")[0]
    assert all(query.encode() not in path.read_bytes() for path in out.iterdir() if path.is_file())


def test_resuming_a_finished_run_gives_the_same_artifact(trained, table_dir, tiny_base, tmp_path):
    import shutil

    from leeroo.training.training import train

    _, out = trained
    shutil.copytree(out / "work", tmp_path / "work")
    settings = {"base": tiny_base, "traits": 8, "frozen_layers": 0, "learning_rate": 3e-3, "batch": 16}
    lengths = {"max_length": 32, "serve_length": 32}
    train([table_dir], tmp_path, epochs=8, resume=True, **settings, **lengths)
    first, second = (load(place).artifact.arrays for place in (out, tmp_path))
    np.testing.assert_allclose(first["ability"], second["ability"], atol=1e-5)
    with pytest.raises(ConfigError, match="other settings"):
        train([table_dir], tmp_path, epochs=9, resume=True, **settings, **lengths)


def test_a_frozen_encoder_trains_without_epochs(table_dir, tiny_base, tmp_path):
    from leeroo.training.training import train

    report = train([table_dir], tmp_path, epochs=0, base=tiny_base, traits=8, serve_length=32, limit=100)
    assert sum(report.queries.values()) == 100
    quality = load(tmp_path).predict(["court judge"], experts("both", "neither")).quality[0]
    assert quality[0] > quality[1]


def test_evaluation_beats_chance_on_the_held_out_part(trained, table_dir, tmp_path):
    _, out = trained
    report = evaluate(table_dir, load(out), reference="both")
    lines = {line.method: line for line in report.lines}
    assert min(report.experts[name]["auc"] for name in ("mathematician", "lawyer")) > 0.8
    assert lines["leeroo"].cost_95 < 0.6 < lines["random mixing"].cost_95
    assert lines["oracle"].accuracy >= lines["leeroo"].accuracy
    json.dumps(report.to_dict(), allow_nan=False)
    report.plot(tmp_path / "frontier.png")
    assert (tmp_path / "frontier.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ConfigError, match=r"\.png or \.svg"):
        report.plot(tmp_path / "frontier.gif")


def test_prediction_of_a_table_needs_no_outcomes(trained, table_dir, tmp_path):
    import pyarrow.parquet as pq

    blind = tmp_path / "blind"
    OutcomeTable.read(table_dir).write(blind)
    (blind / "outcomes.parquet").unlink()
    rows = predict_table(blind, tmp_path / "p.parquet", load(trained[1]))
    written = pq.read_table(tmp_path / "p.parquet")
    assert written.column_names == ["query_id", "expert", "predicted_quality", "expected_cost"]
    assert written.num_rows == rows == 160 * 4
    assert min(written["expected_cost"].to_pylist()) > 0
    predict_table(blind, tmp_path / "p.csv", load(trained[1]))
    assert len((tmp_path / "p.csv").read_text().splitlines()) == rows + 1
    with pytest.raises(ConfigError, match=r"\.parquet or a \.csv"):
        predict_table(blind, tmp_path / "p.json", load(trained[1]))


def test_two_tables_of_one_name_are_refused(table_dir):
    from leeroo.training.corpus import Corpus

    with pytest.raises(ConfigError, match=r"Two outcome tables are called '.*', after their folders"):
        Corpus.read([table_dir, table_dir])
    with pytest.raises(ConfigError, match="at least one"):
        Corpus.read([])


def test_tables_of_one_expert_each_are_refused_with_what_teaches_it(table_dir, tmp_path):
    from leeroo.training.corpus import Corpus

    table = OutcomeTable.read(table_dir)
    for name, expert in (("mine", "lawyer"), ("other", "both")):
        table.take(np.arange(len(table)), [expert]).write(tmp_path / name)
    with pytest.raises(ConfigError, match="leeroo experts add lawyer --outcomes"):
        training.train([tmp_path / "mine"], tmp_path / "out", epochs=0)
    with pytest.raises(ConfigError, match="one expert"):
        Corpus.read([tmp_path / "mine", tmp_path / "other"])
    assert len(Corpus.read([tmp_path / "mine", table_dir]).columns) == 5


def test_small_tables_are_shown_more_often_and_those_for_numbers_only_never(table_dir, tmp_path):
    from leeroo.training.corpus import Corpus

    table = OutcomeTable.read(table_dir)
    for name, count in (("small", len(table) // 4), ("private", len(table))):
        table.take(np.arange(count)).write(tmp_path / name)
    corpus = Corpus.read([table_dir, tmp_path / "small", tmp_path / "private"])
    rows, times = np.unique(corpus.to_read(["private"]), return_counts=True)
    shown = {int(table): set(times[corpus.table[rows] == table].tolist()) for table in range(3)}
    assert shown[0] == {1}
    assert shown[1] <= {2, 3}
    assert shown[1]
    assert shown[2] == set()
    assert (corpus.parts[rows] == "train").all()
    with pytest.raises(ConfigError, match="'privat'; there are"):
        corpus.to_read(["privat"])
    with pytest.raises(ConfigError, match="No table is left"):
        corpus.to_read([Path(table_dir).name, "small", "private"])
