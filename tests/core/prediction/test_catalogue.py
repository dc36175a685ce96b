import pytest

from leeroo.errors import ConfigError
from leeroo.pool.names import resolve
from leeroo.prediction.catalogue import catalogue, published_scores, read_catalogue

OVERALL = ("livebench_202601", "nyt_connections_extended")
HEADER = "model,benchmark,score,source,date\n"


def test_what_ships_covers_the_models_of_today_with_source_and_date():
    rows = catalogue()
    models = {row.model for row in rows}
    assert len(models) >= 150
    assert all(resolve(model) is not None and resolve(model).model == model for model in models)
    for current in ("gpt-5", "gpt-5-mini", "claude-sonnet-4-5", "gemini-2.5-pro", "kimi-k2.5"):
        assert published_scores(resolve(current).model), current


def test_a_plain_name_is_the_model_thinking_on_every_board():
    """LiveBench calls a model that does not think by its plain name, others one of medium effort: not mixed here."""
    found = {(row.model, row.benchmark): row.score for row in catalogue()}
    compared = [
        (score, found[plain, board])
        for (model, board), score in found.items()
        if (plain := model.removesuffix("-none")) != model and (plain, board) in found and board in OVERALL
    ]
    assert len(compared) >= 4
    assert all(without < thinking for without, thinking in compared)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("m,b,61,url,2026-01-01", "between 0 and 1"),
        ("m,b,x,url,2026-01-01", "not a number"),
        ("m,b,0.6,,2026-01-01", "no source"),
        ("m,b,0.6,url,yesterday", "of the form"),
        (",b,0.6,url,2026", "needs a model"),
        ("m,b,0.6,url,2026\nm,b,0.7,url,2026", "two scores"),
    ],
)
def test_a_bad_row_is_refused_with_its_line(row, said):
    with pytest.raises(ConfigError, match=said) as error:
        read_catalogue(HEADER + row, "mine.csv")
    assert "mine.csv, line" in str(error.value)


def test_a_missing_column_is_named():
    with pytest.raises(ConfigError, match="'source' is missing"):
        read_catalogue("model,benchmark,score,date\nm,b,0.5,2026\n", "mine.csv")
