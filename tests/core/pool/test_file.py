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
