import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeroo import ConfigError, Expert, Pool, Price, PriceTier
from leeroo.money import NANO, show_usd, to_nano, to_usd

usd = st.floats(0, 1000, allow_nan=False).map(lambda x: round(x, 9))
tokens = st.integers(0, 2_000_000)


@st.composite
def prices(draw):
    tiers = tuple(
        PriceTier(above=above, input=draw(usd), output=draw(usd), cached_input=draw(st.none() | usd))
        for above in draw(st.lists(st.integers(1, 1_000_000), max_size=3, unique=True))
    )
    return Price(
        input=draw(usd),
        output=draw(usd),
        cached_input=draw(st.none() | usd),
        request=draw(st.just(0.0) | st.floats(0, 1).map(lambda x: round(x, 9))),
        tiers=tiers,
    )


def rates_of(price, input_tokens):
    """The price in force, in exact nano-dollars per 1M tokens, from the public fields only."""
    passed = [t for t in price.tiers if input_tokens > t.above]
    chosen = max(passed, key=lambda t: t.above) if passed else price
    cached = chosen.input if chosen.cached_input is None else chosen.cached_input
    return tuple(round(rate * NANO) for rate in (chosen.input, chosen.output, cached))


@given(prices(), tokens, tokens, tokens)
def test_cost_is_the_exact_sum_rounded_up(price, fresh, cached, out):
    rate_in, rate_out, rate_cached = rates_of(price, fresh + cached)
    millionths = fresh * rate_in + cached * rate_cached + out * rate_out + round(price.request * NANO) * 1_000_000
    cost = price.cost(fresh + cached, out, cached)
    assert isinstance(cost, int)
    assert millionths <= cost * 1_000_000 < millionths + 1_000_000


@given(prices(), tokens, tokens, tokens, tokens, tokens)
def test_worst_cost_is_monotone_and_bounds_every_smaller_call(price, fresh, cached, out, more_in, more_out):
    small = price.worst_cost(fresh + cached, out)
    assert price.cost(fresh + cached, out, cached) <= small
    assert small <= price.worst_cost(fresh + cached + more_in, out + more_out)


@given(prices(), tokens, st.integers(0, 10**13))
@settings(max_examples=300)
def test_affordable_output_is_the_largest_that_fits(price, input_tokens, nano):
    most = price.affordable_output(input_tokens, nano)
    if most is None:
        assert price.worst_cost(input_tokens, 10**9) <= nano
    elif most < 0:
        assert price.worst_cost(input_tokens, 0) > nano
    else:
        assert price.worst_cost(input_tokens, most) <= nano < price.worst_cost(input_tokens, most + 1)


def test_output_that_costs_a_fraction_of_a_nano_dollar_is_not_lost_to_rounding():
    price = Price(input=0.0000005, output=0.000001)
    assert price.affordable_output(1_000, 1) == 500


def test_tiers_hold_for_all_tokens_once_passed():
    price = Price(input=1, output=10, tiers=(PriceTier(above=1000, input=2, output=20),))
    assert price.cost(1000, 100) == 1000 * 1000 + 100 * 10_000
    assert price.cost(1001, 100) == 1001 * 2000 + 100 * 20_000


def test_cached_tokens_cost_their_own_price_and_never_exceed_the_input():
    price = Price(input=10, output=0, cached_input=1)
    assert price.cost(100, 0, 40) == 60 * 10_000 + 40 * 1000
    assert price.cost(100, 0, 500) == 100 * 1000


@given(st.integers(0, 10**15))
def test_money_survives_the_way_to_usd_and_back(nano):
    assert to_nano(to_usd(nano)) == nano


def test_a_cap_never_grows_by_rounding():
    assert to_nano(0.0000000019) == 1


@pytest.mark.parametrize("bad", [-1, float("nan"), float("inf"), "cheap", None])
def test_prices_are_finite_and_not_negative(bad):
    with pytest.raises(ConfigError, match=r"experts\.a\.price\.input"):
        Pool({"a": {"model": "x:y", "price": {"input": bad, "output": 1}}})


@pytest.mark.parametrize(
    ("given_fields", "place", "nearest"),
    [
        ({"prise": 1}, ".prise", "'price'"),
        ({"price": {"inptu": 1, "output": 1}}, ".price.inptu", "'input'"),
        (
            {"price": {"input": 1, "output": 1, "tiers": [{"abov": 1, "input": 1, "output": 1}]}},
            ".price.tiers.0.abov",
            "'above'",
        ),
        ({"latency": {"first_tokn": 1}}, ".latency.first_tokn", "'first_token'"),
    ],
)
def test_unknown_keys_are_refused_at_every_level_with_the_nearest(given_fields, place, nearest):
    with pytest.raises(ConfigError) as caught:
        Pool({"a": {"model": "openai:gpt-4o", **given_fields}})
    assert f"pool: experts.a{place}: unknown key. Did you mean {nearest}?" in str(caught.value)


SECRET = "sk-abcdefgh12345678"


@pytest.mark.parametrize(
    "fields",
    [
        {"api_key": SECRET},
        {"token": SECRET},
        {"api_key_env": SECRET},
        {"api_key_env": "not a name"},
        {"base_url": f"https://host/v1?x={SECRET}"},
        {"base_url": "https://user:hunter2hunter2@host/v1"},
        {"base_url": "https://host/v1?api_key=hunter2hunter2"},
        {"headers": {"X-Note": f"Bearer {SECRET}"}},
        {"headers": {"Authorization": "Basic hunter2hunter2"}},
        {"headers": {"x-api-key": "hunter2hunter2"}},
    ],
)
def test_secrets_are_refused_and_not_repeated(fields):
    with pytest.raises(ConfigError) as caught:
        Pool({"a": {"model": "x:y", "price": {"input": 1, "output": 1}, **fields}})
    assert SECRET not in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "environment variable" in str(caught.value)


def test_harmless_headers_and_urls_pass():
    pool = Pool(
        {
            "a": {
                "model": "x:y",
                "price": {"input": 1, "output": 1},
                "base_url": "http://127.0.0.1:8080/v1",
                "headers": {"X-Title": "mine"},
            }
        }
    )
    assert pool["a"].headers == {"X-Title": "mine"}


def test_an_expert_without_a_known_price_is_refused_with_how_to_give_one():
    with pytest.raises(ConfigError, match=r"'mine'.*no known price.*price=\{'input'"):
        Pool({"mine": {"model": "nobody:unheard-of-model"}})


def test_a_price_of_zero_is_a_price():
    assert Pool({"a": {"model": "x:y", "price": {"input": 0, "output": 0}}})["a"].price.cost(10, 10) == 0


@pytest.mark.parametrize("model", ["", "  ", None])
def test_a_model_must_be_given(model):
    with pytest.raises(ConfigError, match="give a model"):
        Pool({"a": {"model": model, "price": {"input": 1, "output": 1}}})


@pytest.mark.parametrize("name", ["", " ", 7, None])
def test_a_name_must_be_a_non_empty_string(name, make_expert):
    with pytest.raises(ConfigError, match="no name"):
        Pool({name: make_expert()})


def test_benchmark_scores_are_shares():
    with pytest.raises(ConfigError, match=r"0\.61, not 61"):
        Pool({"a": {"model": "x:y", "price": {"input": 1, "output": 1}, "benchmark": {"mmlu": 61}}})


def test_a_pool_of_none_is_refused():
    with pytest.raises(ConfigError, match="at least one expert"):
        Pool({})


def test_the_reference_is_the_dearest_unless_named(pool):
    assert pool.reference == "large"
    assert Pool({e.name: e for e in pool}, reference="small").reference == "small"
    with pytest.raises(ConfigError, match="Did you mean 'large'"):
        Pool({e.name: e for e in pool}, reference="larg")


def test_experts_are_found_by_name_and_model(pool):
    assert pool["small"] is pool["small-model"] is pool["openai:small-model"]
    assert pool.names == ("small", "medium", "large")
    assert len(pool) == 3
    assert "small" in pool
    with pytest.raises(ConfigError, match=r"Unknown expert 'smal'.*'small'"):
        pool["smal"]


def test_a_ready_model_object_becomes_an_expert_priced_by_its_model_name():
    class Chat:
        model_name = "gpt-4o-mini"

    expert = Pool({"a": Chat()})["a"]
    assert expert.model_id == "gpt-4o-mini"
    assert expert.price.input == 0.15


def test_the_key_is_read_from_the_environment_when_needed(make_expert, monkeypatch):
    expert = make_expert(api_key_env="LEEROO_TEST_KEY")
    monkeypatch.delenv("LEEROO_TEST_KEY", raising=False)
    with pytest.raises(ConfigError, match=r"'small'.*LEEROO_TEST_KEY.*not set"):
        expert.api_key()
    monkeypatch.setenv("LEEROO_TEST_KEY", "value")
    assert expert.api_key() == "value"
    assert "value" not in repr(expert)


def test_provider_and_model_are_parted():
    expert = Expert(model="ollama:gemma3:270m")
    assert (expert.provider, expert.model_id) == ("ollama", "gemma3:270m")


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (0, "$0"),
        (0.00000412345, "$0.00000412"),
        (0.0000045, "$0.0000045"),
        (0.5, "$0.5"),
        (12.345, "$12.35"),
        (-0.02, "-$0.02"),
    ],
)
def test_small_sums_are_shown_to_three_digits(amount, shown):
    assert show_usd(amount) == shown


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("localhost:8000", "whole address"),
        ("http://", "whole address"),
        ("https://user:hunter22@h/v1/chat/completions", "leave /chat/completions away"),
        ("http://h/v1/responses/", "leave /responses/ away"),
    ],
)
def test_an_address_that_no_call_could_use_is_refused_and_not_shown(address, words):
    with pytest.raises(ConfigError, match=words) as caught:
        Pool({"a": {"model": "m", "base_url": address, "price": {"input": 0, "output": 0}}})
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "meant"),
    [
        ("anthropic/claude-sonnet-4-5", "anthropic:claude-sonnet-4-5"),
        ("antropic:claude-sonnet-4-5", "anthropic:claude-sonnet-4-5"),
        ("gemini/gemini-2.5-pro", "google_genai:gemini-2.5-pro"),
        ("openrouter/x/claude:thinking", "openrouter:x/claude:thinking"),
    ],
)
def test_a_provider_before_no_colon_or_misspelt_is_said(model, meant):
    with pytest.raises(ConfigError, match=f"was '{meant}' meant"):
        Pool({"a": {"model": model}})


@pytest.mark.parametrize("model", ["my-llm", "acme/my-llm", "llama3.1:8b", "deepseek-ai/x"])
def test_no_provider_is_guessed_where_none_was_named(model):
    with pytest.raises(ConfigError, match="no known price") as caught:
        Pool({"a": {"model": model}})
    assert "meant" not in str(caught.value)


@pytest.mark.parametrize("model", [5, True, 0.5, ["gpt-5"], {"name": "gpt-5"}])
def test_what_is_no_model_is_refused(model):
    with pytest.raises(ConfigError, match="give a model"):
        Pool({"a": {"model": model, "price": {"input": 0, "output": 0}}})


def test_a_price_that_is_one_number_is_refused_with_an_example():
    with pytest.raises(ConfigError, match=r"experts.a.price: give a mapping, such as \{input: 0.05"):
        Pool({"a": {"model": "m", "price": 10}})


def test_a_blank_behind_a_provider_does_not_matter():
    assert next(iter(Pool({"a": {"model": "openai: gpt-5-mini"}}))).model_id == "gpt-5-mini"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: Expert(model="m", contxt_window=5),
            r"Expert\.contxt_window: unknown key\. Did you mean 'context_window'",
        ),
        (lambda: Expert(model="m", price={"inputs": 1, "output": 2}), r"Expert\.price\.inputs: unknown key\. Did you"),
        (lambda: Expert(model="m", benchmark={"mmlu": 61}), r"Expert\.benchmark: benchmark 'mmlu' is 61\.0"),
        (lambda: Price(input=-1, output=2), r"Price\.input: Input should be greater"),
        (lambda: Price(input=1, output=2, tiers=[{"abov": 1}]), r"Price\.tiers\.0\.abov: unknown key\. Did you"),
    ],
)
def test_what_is_written_in_code_is_refused_as_what_stands_in_a_file(make, words):
    with pytest.raises(ConfigError, match=words):
        make()
