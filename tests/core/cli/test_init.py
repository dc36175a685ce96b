"""`leeroo init`: what it proposes, the file that it writes, and what it says where there is nothing to propose."""

import os

import pytest
import yaml
from typer.testing import CliRunner

from leeroo.cli import app
from leeroo.cli.proposing import CURRENT, propose, providers_at_hand, variable_of
from leeroo.endpoints.providers import PROVIDERS
from leeroo.errors import ConfigError
from leeroo.pool.experts import Expert
from leeroo.pool.file import read_pool
from leeroo.pool.listing import look_up
from leeroo.pool.names import all_models, resolve
from tests.core.cli.test_app import assert_one_line_error, leeroo

KEY = "sk-canary-0123456789abcdef"
NO_KEYS = {variable_of(name, {}): "" for name in CURRENT} | {"GOOGLE_API_KEY": ""}


@pytest.mark.parametrize("model", [f"{provider}:{model}" for provider, own in CURRENT.items() for model in own])
def test_every_model_is_in_the_registry_and_has_a_list_price(model):
    named = resolve(model)
    assert named is not None
    assert named.model in {row.model for row in all_models()}
    assert look_up(Expert(model=model, name="x")) is not None


def test_every_provider_can_be_called():
    assert set(CURRENT) <= set(PROVIDERS)


@pytest.mark.parametrize("provider", CURRENT)
def test_models_stand_from_cheap_to_dear(provider):
    prices = [
        look_up(Expert(model=f"{provider}:{model}", name="x")).price.cost(1000, 300) for model in CURRENT[provider]
    ]
    assert prices == sorted(prices)


@pytest.mark.parametrize(
    ("providers", "count"),
    [(["openai"], 3), (["deepseek"], 2), (["openai", "anthropic"], 5), (["groq", "openrouter", "xai"], 5),
     (list(CURRENT), 5)],
)  # fmt: skip
def test_a_proposal_spans_small_and_large_and_names_are_unique(providers, count):
    found = propose(providers, {})
    assert len(found) == len({p.name for p in found}) == count
    assert {p.model.split(":")[0] for p in found} <= set(providers)
    costs = [look_up(Expert(model=p.model, name="x")).price.cost(1000, 300) for p in found]
    assert max(costs) > 2 * min(costs)
    assert len(propose(providers, {}, 3)) == min(3, count)


def test_keys_are_found_under_either_name_and_blank_ones_are_none():
    assert providers_at_hand({"OPENAI_API_KEY": "x", "MISTRAL_API_KEY": "  "}) == ["openai"]
    assert providers_at_hand({"GOOGLE_API_KEY": "x"}) == ["google_genai"]
    assert variable_of("google_genai", {"GOOGLE_API_KEY": "x"}) == "GOOGLE_API_KEY"
    with pytest.raises(ConfigError, match="'openai'"):
        variable_of("openal", {})


def test_init_writes_a_pool_that_is_read_checked_and_says_what_is_known(tmp_path):
    keys = {**NO_KEYS, "OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY}
    result = leeroo("init", cwd=tmp_path, env=keys, stdin=-3)
    assert result.returncode == 0, result.stderr
    assert "OPENAI_API_KEY set" in result.stdout
    text = (tmp_path / "pool.yaml").read_text()
    assert KEY not in text + result.stdout + result.stderr
    read = read_pool(tmp_path / "pool.yaml")
    assert 3 <= len(read.pool) <= 5
    assert read.budget.max_cost == 0.05
    assert {expert.provider for expert in read.pool} == {"openai", "anthropic"}
    for expert in read.pool:
        assert f"${expert.known_price.input:g} in, ${expert.known_price.output:g} out" in text
        assert f"context {expert.context_window:,} tokens" in text
    assert text.count("# ") > 10
    assert text.count("quality ") >= len(read.pool)
    assert yaml.safe_load(text)["reference"] == read.pool.reference


def test_init_keeps_a_file_that_is_there(tmp_path):
    (tmp_path / "pool.yaml").write_text("mine")
    assert_one_line_error(leeroo("init", "--provider", "openai", cwd=tmp_path), "--force")
    assert (tmp_path / "pool.yaml").read_text() == "mine"
    result = leeroo("init", "--provider", "openai", "--force", "--size", "3", "--max-cost", "0.5", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert read_pool(tmp_path / "pool.yaml").budget.max_cost == 0.5
    assert "To be set before you ask: OPENAI_API_KEY" in result.stdout


def test_init_without_a_key_or_with_a_wrong_provider_writes_nothing(tmp_path):
    assert_one_line_error(leeroo("init", cwd=tmp_path, env=NO_KEYS, stdin=-3), "OPENAI_API_KEY", "--provider openai")
    assert_one_line_error(leeroo("init", "--provider", "antropic", cwd=tmp_path), "'anthropic'")
    assert os.listdir(tmp_path) == []


def test_init_asks_on_a_terminal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    monkeypatch.setattr(
        "leeroo.cli.initialising.sys", type("Sys", (), {"stdin": type("Tty", (), {"isatty": lambda: 1})})
    )
    result = CliRunner().invoke(app, ["init"], input="mistralai, groq\n", catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "Keys found in the environment: openai" in result.output
    assert {expert.provider for expert in read_pool("pool.yaml").pool} == {"mistralai", "groq"}


def test_without_a_pool_file_one_line_says_what_is_used_and_how_to_make_one(tmp_path):
    result = leeroo("explain", "What is 2 + 2?", cwd=tmp_path, env={"LEEROO_POOL": ""})
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("\n") == 1
    assert "two small local models" in result.stderr
    assert "leeroo init" in result.stderr
    (tmp_path / "pool.yaml").write_text("experts:\n  small: {model: openai:gpt-4o-mini}\n")
    assert leeroo("explain", "What is 2 + 2?", cwd=tmp_path, env={"LEEROO_POOL": ""}).stderr == ""
