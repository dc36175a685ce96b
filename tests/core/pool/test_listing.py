import pytest
from genai_prices.data_snapshot import get_snapshot

from leeroo import Expert
from leeroo.pool.listing import look_up


def test_a_known_model_has_its_list_price_and_context_window():
    found = look_up(Expert(model="openai:gpt-4o-mini"))
    assert (found.price.input, found.price.output, found.price.cached_input) == (0.15, 0.6, 0.075)
    assert found.context_window == 128_000


def test_tiers_of_long_prompts_are_taken_over():
    price = look_up(Expert(model="google_genai:gemini-2.5-pro")).price
    assert [t.above for t in price.tiers] == [200_000]
    assert price.tiers[0].input > price.input
    assert price.cost(200_001, 0) > 2 * price.cost(199_999, 0) * 0.9
    assert price.cost(200_001, 0) == -(-200_001 * round(price.tiers[0].input * 10**9) // 10**6)


@pytest.mark.parametrize(
    "expert",
    [
        Expert(model="openai:never-heard-of"),
        Expert(model="nobody:gpt-4o"),
        Expert(model="hf:meta-llama/Llama-3-8B"),
        Expert(model="gpt-4o", base_url="http://127.0.0.1:8080/v1"),
        Expert(model="openai:gpt-4o", base_url="http://127.0.0.1:8080/v1"),
        Expert(model="gpt-4o", base_url="https://somewhere.else/v1"),
    ],
)
def test_unknown_or_self_hosted_models_have_no_price(expert):
    assert look_up(expert) is None


def test_every_model_of_the_listing_can_be_read():
    priced = 0
    for provider in get_snapshot().providers:
        for model in provider.models[:20]:
            found = look_up(Expert(model=f"{provider.id}:{model.id}"))
            if found is not None:
                priced += 1
                assert found.price.cost(1000, 1000) >= 0
    assert priced > 100
