"""What runs on the user's own machines has no list price, however its address is written.

Met in nearai/ironclaw#463 and mistralai/mistral-vibe#154 (local models beside listed ones of the same name).
"""

import pytest

from leeroo import ConfigError, Expert, Pool
from leeroo.pool.file import read_pool
from leeroo.pool.listing import look_up
from leeroo.pool.places import is_local, provider_of_host

LOCAL = [
    "http://localhost:11434/v1",
    "http://LOCALHOST:1234/v1",
    "http://[::1]:8000/v1",
    "http://0.0.0.0:8000/v1",
    "http://127.0.0.1/v1",
    "http://127.1.2.3:80/v1",
    "http://10.0.0.7:8000/v1",
    "http://172.16.4.4/v1",
    "http://172.31.255.1/v1",
    "http://192.168.1.20:1234/v1",
    "http://169.254.10.1/v1",
    "http://100.100.3.4:11434/v1",
    "http://[fd00::7]:8000/v1",
    "http://[fe80::1]/v1",
    "http://[::ffff:127.0.0.1]:8000/v1",
    "http://ollama:11434/v1",
    "http://vllm.default.svc:8000/v1",
    "http://gpu.local:8000/v1",
    "http://host.docker.internal:11434/v1",
    "localhost:11434",
]
PUBLIC = [
    "https://api.openai.com/v1",
    "https://openrouter.ai/api/v1",
    "https://172.32.0.1/v1",
    "https://8.8.8.8/v1",
    "https://localhost.example.org/v1",
    "https://10.0.0.1.example.org/v1",
    "https://[2606:4700::1111]/v1",
]


class ChatOpenAI:
    """As LangChain's: these fields are what is read of it."""

    def __init__(self, model_name, openai_api_base=None):
        self.model_name = model_name
        self.openai_api_base = openai_api_base


class ChatOllama:
    def __init__(self, model, base_url=None):
        self.model = model
        self.base_url = base_url


@pytest.mark.parametrize("url", LOCAL)
def test_local_addresses_have_no_list_price(url):
    assert is_local(url)
    assert look_up(Expert(model="openai:gpt-4o" if "//" in url else "ollama:gpt-oss", base_url=url)) is None
    for model in ("deepseek-r1:7b", "gpt-4o", "claude-sonnet-4-5"):
        assert look_up(Expert(model=ChatOpenAI(model, url))) is None


@pytest.mark.parametrize("url", PUBLIC)
def test_public_addresses_are_not_taken_for_local_ones(url):
    assert not is_local(url)


def test_a_ready_object_is_priced_by_where_it_is_reached():
    assert look_up(Expert(model=ChatOpenAI("gpt-4o"))).price.input == 2.5
    assert look_up(Expert(model=ChatOpenAI("qwen/qwen3:free", "https://openrouter.ai/api/v1"))).price.output == 0
    assert look_up(Expert(model=ChatOpenAI("deepseek-r1:7b", "https://llm.example.org/v1"))) is None
    assert look_up(Expert(model=ChatOllama("deepseek-r1:7b"))) is None


def test_a_host_belongs_to_a_provider_only_by_its_whole_name():
    assert provider_of_host("https://eu.api.openai.com/v1") == "openai"
    assert provider_of_host("https://eu-west-1.api.x.ai/v1") == "xai"
    for url in (
        "https://api.openai.com.evil.test/v1",
        "https://api.openai.com@evil.test/v1",
        "https://notapi.openai.com.x",
    ):
        assert provider_of_host(url) is None


def test_the_error_in_a_pool_file_speaks_yaml_and_names_a_remedy_that_works(tmp_path):
    file = tmp_path / "pool.yaml"
    file.write_text("experts:\n  mine: {model: 'llama3.1:8b', base_url: 'http://localhost:11434/v1'}\n")
    with pytest.raises(ConfigError, match=r"price: \{input: 0, output: 0\}") as caught:
        read_pool(file)
    assert "price={" not in str(caught.value)
    file.write_text(file.read_text().replace("}", ", price: {input: 0, output: 0}}"))
    assert read_pool(file).pool["mine"].known_price.output == 0


def test_a_gateway_is_told_that_a_prefix_names_the_list_price():
    url = "https://gateway.example.org/v1"
    with pytest.raises(ConfigError, match="model='openai:gpt-4o'"):
        Pool({"one": {"model": "gpt-4o", "base_url": url}})
    assert Pool({"one": {"model": "openai:gpt-4o", "base_url": url}})["one"].known_price.input == 2.5
