"""A provider's key goes to hosts of that provider, and to no others; and `doctor` says what is sent where.

Met in NousResearch/hermes-agent#28660 and #91308 (OPENAI_API_KEY sent to every custom host), BerriAI/litellm#31552
(regional and look-alike hosts), openai/openai-node#1464 (a key demanded by a server that wants none).
"""

import pytest

from leeroo import ConfigError, Expert, Price
from leeroo.cli.doctor import examine
from leeroo.endpoints.openai_compatible import NO_KEY, resolve

PRICE = Price(input=1, output=2)


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    for name in ("OPENAI", "OPENROUTER", "XAI", "AZURE_OPENAI"):
        monkeypatch.setenv(f"{name}_API_KEY", f"the-{name}-key")


def key(model, url, **more):
    return resolve(Expert(model=model, name="x", base_url=url, price=PRICE, **more)).api_key


@pytest.mark.parametrize(
    ("model", "url", "name"),
    [
        ("openai:gpt-4o", None, "OPENAI"),
        ("gpt-4o", "https://api.openai.com/v1", "OPENAI"),
        ("openai:gpt-4o", "https://eu.api.openai.com/v1", "OPENAI"),
        ("openai:gpt-4o", "https://API.OpenAI.com./v1", "OPENAI"),
        ("openai:deepseek/deepseek-r1", "https://openrouter.ai/api/v1", "OPENROUTER"),
        ("xai:grok-4", "https://eu-west-1.api.x.ai/v1", "XAI"),
        ("azure_openai:my-deployment", "https://acme.openai.azure.com/openai/v1/", "AZURE_OPENAI"),
    ],
)
def test_the_providers_own_hosts_get_its_key(model, url, name):
    assert key(model, url) == f"the-{name}-key"


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000/v1",
        "https://gateway.example.org/v1",
        "https://api.openai.com.example.org/v1",
        "https://api.openai.com@example.org/v1",
        "https://example.org/api.openai.com/v1",
        "http://api.openai.com/v1",  # everybody on the way would read it
    ],
)
def test_other_hosts_do_not(url):
    assert key("openai:gpt-4o", url) == NO_KEY


def test_a_key_that_is_named_is_sent_wherever_the_expert_is(monkeypatch):
    monkeypatch.setenv("MY_KEY", "mine")
    assert key("openai:gpt-4o", "https://gateway.example.org/v1", api_key_env="MY_KEY") == "mine"


def test_a_providers_own_host_without_its_key_is_an_error_before_anything_is_sent(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ConfigError, match="OPENAI_API_KEY, which is not set"):
        key("openai:gpt-4o", "https://eu.api.openai.com/v1")


def test_doctor_says_what_is_sent_where(tmp_path):
    file = tmp_path / "pool.yaml"
    price = "price: {input: 1, output: 2}"
    file.write_text(
        "experts:\n"
        f"  own: {{model: 'openai:gpt-4o', base_url: 'https://eu.api.openai.com/v1', {price}}}\n"
        f"  gateway: {{model: 'openai:gpt-4o', base_url: 'https://gateway.example.org/v1', {price}}}\n"
        f"  local: {{model: 'llama3.1:8b', base_url: 'http://localhost:11434/v1', {price}}}\n"
    )
    found = {f.subject: f for f in examine(file, offline=True)}
    assert found["key of own"].words == "OPENAI_API_KEY is set, and is sent to eu.api.openai.com"
    gateway = found["key of gateway"]
    assert gateway.level == "warn"
    assert "none is sent to gateway.example.org" in gateway.words
    assert "api_key_env" in gateway.remedy
    assert (found["key of local"].level, "none is sent to localhost" in found["key of local"].words) == ("ok", True)
    assert not any("the-OPENAI-key" in f.words + f.remedy for f in found.values())
