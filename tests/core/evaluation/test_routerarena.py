"""A submission to RouterArena: what its checker asks of the files (repository, June 2026), and what is refused."""

import json

import pytest

from leeroo.budget import Budget
from leeroo.errors import ConfigError
from leeroo.evaluation.routerarena import write_submission
from leeroo.pool.experts import Expert
from leeroo.pool.prices import Price
from leeroo.routing.router import Router
from tests.core.cli.test_app import assert_one_line_error, leeroo

QUERIES = [
    {"global index": "AIME_1", "prompt": "raw", "prompt_formatted": "Prove that the square root of 2 is irrational."},
    {"global index": "GeoBench_2", "prompt": "What is the capital of France?"},
]
FIELDS = {"global index", "prompt", "prediction", "generated_result", "cost", "accuracy", "for_optimality"}


@pytest.fixture
def router():
    return Router(
        {
            "small": Expert(model="openai:gpt-4o-mini", price=Price(input=0.15, output=0.6)),
            "large": Expert(model="openai:gpt-4o", price=Price(input=2.5, output=10)),
        }
    )


@pytest.fixture
def queries(tmp_path):
    file = tmp_path / "router_data.json"
    file.write_text(json.dumps(QUERIES))
    return file


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_predictions_have_its_fields_and_its_prompts(router, queries, tmp_path):
    done = write_submission(router, queries, tmp_path / "out", name="leeroo", budget=Budget(expert="small"))
    found = read(done.predictions)
    assert [set(entry) for entry in found] == [FIELDS, FIELDS]
    assert [(e["global index"], e["prediction"]) for e in found] == [
        ("AIME_1", "gpt-4o-mini"), ("GeoBench_2", "gpt-4o-mini")]  # fmt: skip
    assert [e["prompt"] for e in found] == [QUERIES[0]["prompt_formatted"], QUERIES[1]["prompt"]]
    assert read(done.config) == {"pipeline_params": {"router_name": "leeroo", "models": ["gpt-4o-mini", "gpt-4o"]}}
    assert read(done.prices)["gpt-4o"] == {"input_token_price_per_million": 2.5, "output_token_price_per_million": 10}


def test_optimality_lists_the_others_and_robustness_has_a_file_of_its_own(router, queries, tmp_path):
    some, again = tmp_path / "router_data_10.json", tmp_path / "again.jsonl"
    some.write_text(json.dumps(QUERIES[1:]))
    again.write_text("\n".join(json.dumps(q | {"prompt_formatted": "In other words?"}) for q in QUERIES))
    done = write_submission(
        router, queries, tmp_path / "out", name="l", budget=Budget(expert="large"), optimality=some, robustness=again
    )
    assert (done.queries, done.optimality, done.reworded) == (2, 1, 2)
    extra = read(done.predictions)[2]
    assert (extra["global index"], extra["prediction"], extra["for_optimality"]) == ("GeoBench_2", "gpt-4o-mini", True)
    reworded = read(tmp_path / "out/predictions/l-robustness.json")
    assert {e["prompt"] for e in reworded} == {"In other words?"}


def test_the_rule_of_the_budget_decides(router, queries, tmp_path):
    def chosen(budget):
        done = write_submission(router, queries, tmp_path / "out", name="leeroo", budget=budget)
        return [entry["prediction"] for entry in read(done.predictions)]

    assert chosen(Budget(willingness_to_pay=0)) == ["gpt-4o-mini"] * 2


@pytest.mark.parametrize(
    "content", ["[]", '[{"prompt": "secret-prompt"}]', '[{"global index": "A", "prompt": 3}]', "["]
)
def test_what_is_no_query_is_refused_without_its_text(router, tmp_path, content):
    file = tmp_path / "bad.json"
    file.write_text(content)
    with pytest.raises(ConfigError, match=r"bad\.json") as error:
        write_submission(router, file, tmp_path / "out", name="leeroo", budget=Budget())
    assert "secret-prompt" not in str(error.value)


def test_a_query_that_nobody_may_take_is_an_error_that_says_why(router, queries, tmp_path):
    with pytest.raises(ConfigError, match="No expert may take"):
        write_submission(router, queries, tmp_path / "out", name="leeroo", budget=Budget(max_cost=1e-9))


def test_the_command(queries, tmp_path):
    (tmp_path / "pool.yaml").write_text("experts: {a: {model: openai:gpt-4o-mini}, b: {model: openai:gpt-4o}}\n")
    done = leeroo("routerarena", queries.name, "--pool", "pool.yaml", "--out", "arena", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 queries decided" in done.stdout
    assert len(read(tmp_path / "arena/predictions/leeroo.json")) == 2
    assert_one_line_error(leeroo("routerarena", "none.json", "--pool", "pool.yaml", "--out", "arena", cwd=tmp_path))
