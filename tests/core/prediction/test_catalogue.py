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


def test_each_large_providers_line_of_autumn_2026_has_scores_of_its_own():
    line = (
        *("gpt-6-astra", "gpt-6.1-sol", "gpt-6-luna", "claude-fable-5-1", "claude-opus-5-5", "claude-sonnet-5-5"),
        *("gemini-4-argon", "gemini-3.8-flash", "grok-4.7", "kimi-k3", "glm-5.3", "glm-5.3-flash", "qwen3.8-max"),
        *("deepseek-v4.1-flash", "deepseek-v4-pro-0813", "mimo-v2.6-pro", "minimax-m3", "muse-spark-1.3"),
        *("mistral-medium-3-5", "mistral-large-2512", "nemotron-3-ultra-550b-a55b", "gpt-oss-120b", "gemma-4-31b-it"),
    )
    assert not [model for model in line if not published_scores(resolve(model).model)]


def test_a_base_model_is_not_the_model_that_people_talk_to():
    """Qwen3's report gives GPQA for the base model, 20 points below what the tuned one reaches elsewhere."""
    found = {row.benchmark: row.score for row in published_scores("qwen3-235b-a22b")}
    assert "gpqa_diamond" not in found
    assert found["gpqa_diamond_epoch"] > 0.7
    assert {row.benchmark for row in published_scores("qwen3-235b-a22b-base")} >= {"gpqa_diamond", "mmlu_pro"}


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
