import pytest

from leeroo import ConfigError, LeerooError, Router
from leeroo.ledger.memory import Left
from leeroo.ledger.opening import ledger_of
from leeroo.pool.file import read_pool
from leeroo.prediction import ConstantPredictor

GOOD = {"experts": {"small": {"model": "openai:gpt-4o-mini"}, "large": {"model": "openai:gpt-4o"}}}


def test_a_file_gives_pool_budget_and_reference(tmp_path):
    file = tmp_path / "pool.yaml"
    file.write_text(
        "experts:\n  small: {model: 'openai:gpt-4o-mini'}\n  large: {model: 'openai:gpt-4o'}\n"
        "reference: small\nbudget: {max_cost: 0.02, tolerance: 0.05}\n"
    )
    read = read_pool(file)
    assert read.pool.names == ("small", "large")
    assert read.pool.reference == "small"
    assert read.budget.to_dict() == {"max_cost": 0.02, "tolerance": 0.05}
    assert ledger_of(read.ledger).remaining(None) == Left()


def test_a_router_takes_its_defaults_from_the_file_and_kwargs_win(tmp_path):
    router = Router.from_pool({**GOOD, "budget": {"max_cost": 0.02, "tolerance": 0.05}}, min_quality=0.7)
    assert router.budget.to_dict() == {"max_cost": 0.02, "min_quality": 0.7}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"expert": {}}, ["unknown key 'expert'", "'experts'"]),
        ({"experts": {}}, ["'experts' must map"]),
        ({"experts": ["a"]}, ["'experts' must map"]),
        ({"experts": {"a": "openai:gpt-4o"}}, ["experts.a must be a mapping", "str"]),
        ({"experts": {"a": {}}}, ["experts.a has no 'model'"]),
        ({"experts": {"": {"model": "openai:gpt-4o"}}}, ["no name"]),
        ({"budget": {"max_costs": 1}}, ["budget", "'max_costs'", "'max_cost'"]),
        ({"budget": {"max_cost": -1}}, ["budget", "max_cost is -1"]),
        ({"budget": {"max_cost": "0.02"}}, ["budget", "give a number"]),
        ({"budget": []}, ["'budget' must be a mapping"]),
        ({"budget": 0}, ["'budget' must be a mapping"]),
        ({"budget": {"expert": "smal"}}, ["'smal'", "'small'"]),
        ({"reference": "larg"}, ["'larg'", "'large'"]),
        ({"reference": 3}, ["'reference' must be a string"]),
        ({"ledger": 3}, ["'ledger' must be a string"]),
    ],
)
def test_faults_name_the_place_and_the_remedy(change, words):
    with pytest.raises(ConfigError) as caught:
        read_pool({**GOOD, **change})
    for word in words:
        assert word in str(caught.value)


def test_a_ledger_url_is_not_repeated_with_its_password():
    read = read_pool({**GOOD, "ledger": "postgresql+psycopg://me:hunter2@127.0.0.1:1/db"})
    with pytest.raises(LeerooError, match="postgresql") as caught:
        ledger_of(read.ledger)
    assert "hunter2" not in str(caught.value)


def test_a_file_names_its_predictor_and_how_it_learns(tmp_path):
    path = tmp_path / "pool.yaml"
    path.write_text(
        "experts: {small: {model: 'test:s', price: {input: 1, output: 1}}}\n"
        "predictor: artifacts\nlearn: {memory: 100, signals: [retry]}\n"
    )
    read = read_pool(path)
    assert read.predictor == tmp_path / "artifacts"
    with pytest.raises(ConfigError, match="artifacts: no such predictor artifact"):
        Router.from_file(read)
    router = Router.from_file(read, predictor=ConstantPredictor())
    assert (router.learn.memory, router.learn.signals) == (100, ["retry"])
    plain = {"experts": {"s": {"model": "test:s", "price": {"input": 1, "output": 1}}}}
    assert Router.from_pool(plain).learn is None


@pytest.mark.parametrize(
    ("learn", "message"),
    [
        ("yes", "'learn' must be true, false or a mapping"),
        ({"memry": 1}, "'memry'.*'memory'"),
        ({"memory": 0}, "memory"),
    ],
)
def test_what_is_wrong_with_learn_is_named(learn, message):
    pool = {"experts": {"s": {"model": "test:s", "price": {"input": 1, "output": 1}}}, "learn": learn}
    with pytest.raises(ConfigError, match=message):
        Router.from_pool(pool)


def test_a_file_as_0_1_had_it_reads_as_before(tmp_path):
    path = tmp_path / "pool.yaml"
    path.write_text(OLD, encoding="utf-8")
    read = read_pool(path)
    assert read.pool.names == ("small", "tiered", "local")
    assert (read.pool.reference, read.ledger, read.predictor) == ("tiered", "memory", tmp_path / "artifacts")
    assert read.budget.to_dict() == {
        "max_cost": 0.02, "tolerance": 0.05, "max_latency": 30.0, "scope": "acme/team-a", "expert": "small",
    }  # fmt: skip
    assert read.learn == {"memory": 500, "scope_memory": 50, "signals": ["retry"], "frozen": True, "every": 10}
    tiered, local = read.pool["tiered"], read.pool["local"]
    assert tiered.known_price.cost(100, 10) == 300_000
    assert tiered.known_price.cost(2000, 10) == 12_100_000
    assert (tiered.traits, tiered.stop, tiered.timeout, tiered.headers) == ("Yi-6B", ("END",), 20, {"X-Team": "a"})
    assert (local.latency.per_token, local.benchmark, local.capabilities) == (0.01, {"mmlu": 0.61}, {"streaming"})


OLD = """
experts:
  small: {model: 'openai:gpt-4o-mini', api_key_env: OPENAI_API_KEY}
  tiered:
    model: anthropic:mine
    price: {input: 2, output: 10, cached_input: 0.5, request: 0, tiers: [{above: 1000, input: 6, output: 10}]}
    context_window: 200000
    max_output_tokens: 1000
    traits: Yi-6B
    timeout: 20
    stop: [END]
    headers: {X-Team: a}
  local:
    model: mine
    base_url: http://127.0.0.1:8000/v1
    price: {input: 0, output: 0}
    capabilities: [streaming]
    benchmark: {mmlu: 0.61}
    tokenizer: cl100k_base
    latency: {first_token: 0.1, per_token: 0.01}
reference: tiered
budget: {max_cost: 0.02, tolerance: 0.05, max_latency: 30.0, scope: acme/team-a, expert: small}
ledger: memory
predictor: artifacts
learn: {memory: 500, scope_memory: 50, signals: [retry], frozen: true, every: 10}
"""


def test_how_several_experts_are_consulted(tmp_path):
    path = tmp_path / "pool.yaml"
    path.write_text(
        "experts:\n  a: {model: openai:gpt-4o}\n  b: {model: openai:gpt-4o-mini}\nconsult: {model: c.json, judge: b}\n"
    )
    assert read_pool(path).consult == {"model": tmp_path / "c.json", "judge": "b"}
    assert read_pool({**GOOD, "consult": {"repeats": 3}}).consult == {"repeats": 3}
    assert read_pool(GOOD).consult is None


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"judge": "smal"}, r"consult.judge 'smal' is not in the pool.*'small'"),
        ({"repeats": "3"}, r"consult.repeats is '3'; give a whole number"),
        ({"repeats": 0}, r"consult.repeats is 0; give a whole number"),
        ({"modle": "c.json"}, r"consult: unknown key 'modle'.*'model'"),
        ({"model": 3}, "'model' must be a string"),
        ("c.json", "'consult' must be a mapping"),
    ],
)
def test_wrong_consult_keys_are_named(given, match):
    with pytest.raises(ConfigError, match=match):
        read_pool({**GOOD, "consult": given})
