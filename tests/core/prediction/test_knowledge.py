"""What the shipped predictor knows of experts that people name today."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from leeroo import Expert, Price
from leeroo.pool.kin import relatives
from leeroo.pool.names import all_models, resolve
from leeroo.prediction import load
from leeroo.prediction.facts import FACTS, facts_of
from leeroo.prediction.kinds import Kinds
from leeroo.prediction.knowledge import KindsPredictor, size_in


@pytest.fixture(scope="module")
def known():
    return load().knowledge


@pytest.fixture(scope="module")
def artifact():
    return load().artifact


def told(known, model, price=None, **kwargs):
    return known.tell(Expert(model=model, name="e", price=price, **kwargs))


def test_each_source_in_its_order(known):
    assert told(known, "openai:gpt-5-mini").source == "learned"
    assert told(known, "openai:gpt-5-mini-2025-08-07").source == "learned"
    assert told(known, "ft:gpt-4o-mini-2024-07-18:acme::1").source == "relative"
    assert told(known, "my-own", benchmark={"mmlu_pro": 0.7}).source == "benchmark"
    assert told(known, "my-own", price=Price(input=1, output=2)).source == "price"
    assert told(known, "my-own").source == "prior"


def test_doubt_grows_down_the_list(known):
    doubt = known.kinds.doubt
    order = [doubt[name] for name in ("learned", "elsewhere", "catalogue", "relative", "price", "prior")]
    assert order == sorted(order)
    assert order[0] < order[-1]


def test_dearer_and_better_scores_mean_better(known):
    def level(loadings):
        return float(loadings.values[:, 0].mean())

    cheap, dear = (told(known, "my-own", price=Price(input=p, output=4 * p)) for p in (0.05, 5.0))
    assert level(cheap) < level(dear)
    weak, strong = (told(known, "my-own", benchmark={"mmlu_pro": score}) for score in (0.3, 0.85))
    assert level(weak) < level(strong)


def test_four_models_of_today_do_not_get_the_same_quality():
    names = ("openai:gpt-5-nano", "openai:gpt-5-mini", "openai:gpt-5", "anthropic:claude-sonnet-4-5")
    experts = [Expert(model=name, name=name, price=Price(input=1, output=2)) for name in names]
    found = load().predict(["Prove that the square root of 2 is irrational.", "What is 9.11 - 9.9?"], experts)
    assert (np.ptp(found.quality, axis=1) > 0.01).all()
    assert found.doubt is not None
    assert (found.doubt > 0).all()
    assert len(found.kinds) == 2
    assert all(grounds for grounds in found.grounds)


def test_a_makers_sizes_of_one_generation_stand_in_their_order(known):
    def level(model):
        return told(known, model).values[:, 0].mean()

    assert level("gpt-5-nano") < level("gpt-5.4-mini") < level("gpt-5.4")
    assert level("gpt-5.4-nano-none") < level("gpt-5.4-nano")


def test_a_kind_of_few_models_says_little_of_others():
    def weights(models, own):
        outcomes = np.array([own, 0])
        experts = [replace(told(load().knowledge, "gpt-5"), outcomes=outcomes)]
        kinds = SimpleNamespace(carries=np.array([models / (models + 40), 0.5], dtype=np.float32))
        return KindsPredictor(kinds)._weights(np.array([[0.95, 0.05]], dtype=np.float32), experts)[0]

    few, many, mine = weights(9, 0), weights(160, 0), weights(9, 1000)
    assert few.sum() == pytest.approx(1)
    assert few[0] < 0.5 < many[0]
    assert mine[0] > 0.95  # its own outcomes say how it does there, however many others have some


def test_a_price_that_nobody_knows_is_no_obstacle():
    found = load().predict(["Hi"], [Expert(model="my-own", name="e")])
    assert found.sources == ("prior",)
    assert 0 < found.quality[0, 0] < 1


def test_a_query_of_200_000_tokens_is_answered():
    found = load().predict(["word " * 200_000], [Expert(model="openai:gpt-5", name="e")])
    assert np.isfinite(found.quality).all()


def test_an_unknown_name_is_like_the_model_that_it_speaks_of_and_says_so(known):
    told_of = told(known, "our-support-llama-3.1-8b-v3")
    assert told_of.source == "relative"
    assert "llama-3.1-8b" in told_of.said
    assert "speaks of" in told_of.said


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("own-70b-chat", 70),
        ("mix-8x7b", 56),
        ("tiny-0.5b", 0.5),
        ("qwen3-30b-a3b", 30),
        ("web2b", None),
        ("v1.5", None),
    ],
)
def test_the_size_in_a_name(name, size):
    assert size_in(name) == size


class ChatOllama:
    """Stands for LangChain's class of that name: what it serves is told by the class alone."""

    def __init__(self, model):
        self.model = model


@pytest.mark.parametrize(
    ("model", "place", "like"),
    [
        ("ollama:llama3.2", None, "llama-3.2-3b-instruct"),
        ("ollama:llama3.1:8b", None, "llama-3.1-8b-instruct"),
        ("openai:llama3.2", "http://localhost:11434/v1", "llama-3.2-3b-instruct"),
        (ChatOllama("llama3.2"), None, "llama-3.2-3b-instruct"),
        ("azure_openai:my-gpt5-prod", "https://x.openai.azure.com", "gpt-5"),
        ("cerebras:llama3.3-70b", None, "llama-3.3-70b-instruct"),
    ],
)
def test_a_name_is_read_as_the_place_that_serves_it_writes_names(known, model, place, like):
    free = Price(input=0, output=0)
    own = known.tell(Expert(model=model, name="e", price=free, base_url=place))
    assert np.array_equal(own.values, told(known, like, free).values)
    assert own.source in ("learned", "catalogue")


def test_it_is_said_which_model_a_name_was_taken_for(known):
    assert told(known, "openai:gpt-5").said.endswith(" outcomes")
    assert told(known, "openai:gpt-5-2025-08-07").said.endswith(" outcomes of gpt-5")
    assert told(known, "azure_openai:my-gpt5-prod").said.endswith(" outcomes of gpt-5")
    assert told(known, "azure_openai:chat", traits="gpt-4o-mini").said.endswith(" outcomes of gpt-4o-mini")
    assert told(known, "openai:gpt-4o").said.endswith("outcomes of gpt-4o-2024-08-06, which gpt-4o stands for")


def test_a_price_alone_does_not_make_a_model_better_than_those_of_its_price(known):
    """Nobody knows of which year it is: it is taken for one of the middle, not of the newest."""
    prices = [Price(input=0.05, output=0.4), Price(input=0.25, output=2), Price(input=1.25, output=10)]
    names = ["gpt-5-nano", "gpt-5-mini", "gpt-5"]
    ours = [Expert(model=f"openai:{name}", name=name, price=price) for name, price in zip(names, prices, strict=True)]
    strange = [Expert(model="zzz", name=f"z{i}", price=price) for i, price in enumerate(prices)]
    texts = ["Hi", "Fix the race condition in this Go worker pool.", "Which drug interactions has warfarin?"]
    found = load().predict(texts, ours + strange).quality.mean(axis=0)
    assert found[3:].mean() < found[:3].mean() + 0.02
    assert found[3] < found[5]


def test_an_unknown_model_of_ones_own_is_not_taken_for_one_of_the_best(known):
    ours = Expert(model="openai:gpt-5.4-mini", name="mini", price=Price(input=0.75, output=4.5))
    free = Expert(model="my-llm", name="local", price=Price(input=0, output=0), base_url="http://127.0.0.1:8000/v1")
    own = known.tell(free)
    assert own.source == "prior"
    assert "own machines" in own.said
    assert "size" in told(known, "my-llm-8b", Price(input=0, output=0)).said
    texts = ["Hi", "Fix the race condition in this Go worker pool.", "Which drug interactions has warfarin?"]
    found = load().predict(texts, [ours, free]).quality.mean(axis=0)
    assert found[1] < found[0]


def test_what_is_known_of_a_model_without_scores():
    def of(name, usd=None, size=None):
        named = resolve(name)
        return dict(zip(FACTS, facts_of(usd, named.row if named else None, size), strict=True))

    assert of("gemma-7b-it")["size"] < of("gemma-2-27b-it")["size"]
    assert of("gemma-7b-it")["year"] < of("gemma-3-27b-it")["year"]
    assert of("gpt-5-nano")["tier"] < of("gpt-5-mini")["tier"] < of("gpt-5-pro")["tier"]
    assert of("gpt-5")["no size"] == of("gpt-5")["no price"] == 1
    assert of("own", usd=10.0)["price"] == 1
    assert of("own", size=100)["no size"] == 0


def test_artifacts_of_before_know_fewer_facts(artifact):
    arrays, settings = artifact.arrays, artifact.settings["kinds"]
    place = Kinds({**arrays, "facts_place": arrays["facts_place"][:4]}, settings).place_of_facts(1.0, None)
    assert np.isfinite(place).all()


def test_a_relative_says_how_far_its_family_lies_from_what_facts_tell(known):
    """A model twice the size is not as good as the half, but as much better than its size as the half is."""
    kinds = known.kinds
    unknown = (row.model for row in all_models() if row.model not in kinds.column)
    name, here = next((m, told(known, m)) for m in unknown if told(known, m).source == "relative")
    near = [r for r in relatives(name) if r.model in kinds.column][:3]
    weight = np.exp([-r.distance / 2 for r in near])
    prior = kinds.place_of_facts(None, resolve(name).row)
    beyond = np.array([kinds.beyond_facts(r.model, prior) for r in near])
    assert np.allclose(here.place, prior + weight @ beyond / (weight.sum() + 0.2), atol=1e-4)


def test_artifacts_of_before_take_a_relatives_place_itself(artifact):
    arrays = {name: values for name, values in artifact.arrays.items() if name != "models_told"}
    before = Kinds(arrays, artifact.settings["kinds"])
    prior = np.zeros(arrays["models_place"].shape[1], np.float32)
    assert np.allclose(before.beyond_facts(before.models[0], prior), arrays["models_place"][0])
    assert before.beyond_facts("nobody", prior) is None


@pytest.mark.parametrize("name", ["MMLU-Pro", "mmlu pro", "mmlu_pro"])
def test_a_benchmark_is_known_however_its_name_is_written(known, name):
    found, usual = told(known, "my-own", benchmark={name: 0.8}), told(known, "my-own", benchmark={"mmlu_pro": 0.8})
    assert found.place.tolist() == usual.place.tolist()
    assert found.said == "the scores that the pool declares"


def test_a_benchmark_that_nobody_knows_is_said(known):
    found = told(known, "my-own", benchmark={"mmlu_pr0": 0.8, "mmlu_pro": 0.8})
    assert found.said == "the scores that the pool declares, of which mmlu_pr0 is on no known benchmark"
