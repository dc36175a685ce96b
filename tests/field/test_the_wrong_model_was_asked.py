"""A model id holds colons of its own: what is sent, priced and shown is the whole of it.

Met in HKUDS/nanobot#847 (only "free" was sent), nearai/ironclaw#463 and anomalyco/models.dev#701 (`:free` priced as a
paid model, and the paid one as free), open-webui/open-webui#25874 (a prefix that is not the server's was sent).
"""

from pathlib import Path

import pytest

import leeroo
from leeroo import ConfigError, Expert, Pool, Price
from leeroo.endpoints.openai_compatible import complete, resolve
from leeroo.pool.listing import look_up

PRICE = Price(input=1, output=2)
WHOLE = (Path(__file__).parent / "model_ids.txt").read_text(encoding="utf-8").split()
PLACED = ["llama3.1:8b", "deepseek/deepseek-r1:free", "anthropic.claude-3-5-sonnet-20241022-v2:0"]


def test_a_hundred_real_ids_are_sent_whole_and_a_known_providers_prefix_is_not():
    assert len(WHOLE) >= 100
    for model in WHOLE:
        bare = Expert(model=model, name="x", base_url="http://127.0.0.1:1/v1", price=PRICE)
        assert (bare.model_id, resolve(bare).model, bare.provider) == (model, model, None)
        prefixed = Expert(model=f"openai:{model}", name="x", base_url="http://127.0.0.1:1/v1", price=PRICE)
        assert (prefixed.model_id, resolve(prefixed).model, prefixed.provider) == (model, model, "openai")


@pytest.mark.parametrize("model", PLACED)
def test_the_server_and_the_record_see_the_whole_id(model):
    from tests.openai_server import OpenAIServer

    with OpenAIServer() as server:
        pool = Pool({"one": {"model": model, "base_url": server.url, "price": {"input": 1, "output": 2}}})
        complete(pool["one"], [{"role": "user", "content": "Hello"}])
        assert server.requests[-1]["body"]["model"] == model
        assert pool[model].name == "one"
        answer = leeroo_ask(pool)
    assert answer.record["model"] == model


def leeroo_ask(pool):
    from leeroo.endpoints.openai_compatible import ask
    from leeroo.prediction import ConstantPredictor

    return ask(leeroo.Router(pool, predictor=ConstantPredictor({"one": 0.5}, output_tokens=10)), "Hello")


@pytest.mark.parametrize(
    ("model", "url"),
    [
        ("openrouter:deepseek/deepseek-r1:free", None),
        ("openrouter:x-ai/grok-4-fast:free", None),
        ("openrouter:openrouter/free", None),
        ("deepseek/deepseek-r1:free", "https://openrouter.ai/api/v1"),
    ],
)
def test_openrouters_free_variants_cost_nothing(model, url):
    price = look_up(Expert(model=model, base_url=url)).price
    assert (price.input, price.output) == (0, 0)


def test_the_paid_model_beside_a_free_variant_keeps_its_price():
    assert look_up(Expert(model="openrouter:deepseek/deepseek-r1")).price.output > 0


def test_other_variants_are_not_priced_by_their_base():
    for variant in ("deepseek/deepseek-r1:nitro", "openai/gpt-4o:online"):
        assert look_up(Expert(model=f"openrouter:{variant}")) is None
    assert look_up(Expert(model="openrouter:openai/gpt-4o:extended")).price.input == 6


def test_bedrock_versions_are_found_whole():
    found = look_up(Expert(model="bedrock_converse:us.anthropic.claude-sonnet-4-5-20250929-v1:0"))
    assert found.price.input == pytest.approx(3.3)


def test_a_fine_tune_has_its_own_list_price_and_not_the_base_models():
    tuned = look_up(Expert(model="openai:ft:gpt-4o-mini-2024-07-18:acme::x1")).price
    base = look_up(Expert(model="openai:gpt-4o-mini-2024-07-18")).price
    assert tuned.input == pytest.approx(2 * base.input)


def test_a_name_with_a_tag_and_no_place_is_neither_priced_nor_sent_to_openai():
    expert = Expert(model="deepseek-r1:7b", name="x")
    assert look_up(expert) is None
    with pytest.raises(ConfigError, match="give base_url"):
        resolve(expert)


def test_a_misspelt_provider_is_named_with_the_nearest_one():
    with pytest.raises(ConfigError, match=r"'opnai' has no known endpoint.*Did you mean 'openai'"):
        resolve(Expert(model="opnai:gpt-4o", name="x", price=PRICE))


def test_an_azure_object_that_knows_its_deployment_only_is_named_by_it():
    class AzureChatOpenAI:
        def __init__(self):
            self.model_name, self.deployment_name = None, "my-gpt-4o"
            self.azure_endpoint = "https://acme.openai.azure.com/"

    expert = Expert(model=AzureChatOpenAI(), price=PRICE)
    assert expert.model_id == "my-gpt-4o"
    assert look_up(expert) is None, "what is deployed under a name of the user's own is not known"
