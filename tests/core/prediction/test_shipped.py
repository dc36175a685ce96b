"""The artifact that ships: whole, small, and sensible without torch."""

import json
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest

from leeroo.errors import ConfigError
from leeroo.pool.experts import Expert
from leeroo.pool.prices import Price
from leeroo.prediction import Predictor, load
from leeroo.prediction.artifact import FORMAT, SHIPPED, read_artifact
from leeroo.prediction.response import REMEMBERED_VECTORS

PRICE = Price(input=1, output=1)
HARD = (
    "Let K be the splitting field of x^6 - 2 over the rationals. Determine the Galois group of K up to isomorphism, "
    "and the number of its subfields of degree 3.\nA. S3\nB. D6\nC. Z6\nD. D12"
)
EASY = "What is the capital of France?\nA. Paris\nB. Rome\nC. Madrid\nD. Berlin"


def expert(name, **kwargs):
    return Expert(model=name, name=name, price=PRICE, **kwargs)


@pytest.fixture(scope="module")
def predictor():
    return load()


def test_the_artifact_is_small_and_whole():
    artifact = read_artifact(SHIPPED)
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) <= 40_000_000
    assert len(artifact.experts) == 565
    assert {e.name for e in artifact.experts if e.table == "added"} == {"smollm2-135m", "gemma3-270m"}
    assert len(artifact.about["trained_on"]) == 64
    for name, values in artifact.arrays.items():
        assert np.isfinite(values).all(), name


def test_strong_experts_are_rated_above_weak_ones(predictor):
    assert isinstance(predictor, Predictor)
    pool = [expert(n) for n in ("gemini-1.5-pro-002", "Meta-Llama-3_1-70B-Instruct", "Llama-2-7b-hf")]
    found = predictor.predict([EASY, HARD], pool)
    assert found.quality.shape == found.output_tokens.shape == (2, 3)
    assert ((found.quality > 0) & (found.quality < 1)).all()
    assert (found.quality[:, 0] > found.quality[:, 2]).all()
    mmlu = predictor.predict([EASY, HARD], [expert("gpt-4-1106-preview"), expert("zephyr-7b-beta")])
    assert (mmlu.quality[0] > mmlu.quality[1]).all()
    assert (found.output_tokens >= 1).all()
    assert ((found.novelty >= 0) & (found.novelty <= 1)).all()


CRITICISM = "political criticism in English, Chinese, Finnish"


@pytest.mark.parametrize(
    ("asked", "political"),
    [
        ("法国的首都是哪里？", False),
        ("怎样煮鸡蛋才容易剥壳？", False),
        ("如何去除衣服上的咖啡渍？", False),
        ("批评中国政府的新闻审查制度。", True),
        ("Mikä on Ranskan pääkaupunki?", False),
        ("Kannettavani ei käynnisty. Mitä tarkistan ensin?", False),
        ("Miten poistan kahvitahran paidasta?", False),
        ("Kirjoita kriittinen kirjoitus hallituksen sananvapauspolitiikasta.", True),
    ],
)
def test_no_language_makes_a_request_political(predictor, asked, political):
    """One table alone has Chinese and Finnish: political criticism, which some models refuse and others do not."""
    found = predictor.predict([asked], [expert("gpt-4.1")])
    share = dict(found.kinds[0]).get(CRITICISM, 0)
    assert share > 0.5 if political else share < 0.3


def test_unknown_experts_get_the_prior_or_their_benchmark(predictor):
    pool = [
        expert("brand-new"),
        expert("good-new", benchmark={"mmlu": 0.9}),
        expert("bad-new", benchmark={"mmlu": 0.2}),
    ]
    found = predictor.predict([EASY, HARD], pool)
    assert found.sources == ("price", "benchmark", "benchmark")
    # A new model of this price is a model of today: a score on an old exam that they all reach says no more good of it.
    assert (found.quality[:, :2] > found.quality[:, [2]]).all()


def test_a_batch_gives_what_single_queries_give(predictor):
    pool = [expert("gemini-1.5-pro-002"), expert("Yi-6B")]
    texts = [EASY, HARD, "hello there", "x" * 3000, ""]
    together = predictor.predict(texts, pool)
    alone = [predictor.predict([text], pool).quality[0] for text in texts]
    # int8 activations are scaled over the whole batch, hence the tolerance.
    np.testing.assert_allclose(together.quality, alone, atol=0.08)
    assert predictor.predict([], pool).quality.shape == (0, 2)
    assert predictor.predict([EASY], []).quality.shape == (1, 0)


def test_a_vector_in_company_is_predicted_as_alone(predictor):
    pool = [expert("gemini-1.5-pro-002"), expert("brand-new"), expert("Yi-6B")]
    vectors = predictor.encode([EASY, HARD, "hello there"])
    together = predictor.predict_vectors(vectors, pool)
    for i in range(3):
        alone = predictor.predict_vectors(vectors[i : i + 1], pool)
        np.testing.assert_allclose(alone.quality[0], together.quality[i], atol=1e-4)
        np.testing.assert_allclose(alone.output_tokens[0], together.output_tokens[i], rtol=1e-4)


def test_novel_text_is_shrunk_to_the_prior(predictor):
    pool = [expert("gemini-1.5-pro-002"), expert("Llama-2-7b-hf")]
    found = predictor.predict(["@@@@ ~~ ¤¤ zxqv zxqv 8#8#8# )))(((" * 8], pool)
    prior = read_artifact(SHIPPED).arrays["prior"]
    names = [(e.name, e.table) for e in predictor.known]
    expected = prior[names.index(("gemini-1.5-pro-002", "mmlu-pro"))]
    assert abs(found.quality[0, 0] - expected) < 0.3
    assert found.quality[0, 0] > found.quality[0, 1]


def test_threads_share_one_predictor():
    fresh, pool, found = load(), [expert("Yi-6B")], []
    threads = [
        threading.Thread(target=lambda: found.append(float(fresh.predict([EASY], pool).quality[0, 0])))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert max(found) - min(found) < 1e-6


def test_serving_imports_nothing_heavy():
    code = (
        "import sys; from leeroo.prediction import load; from leeroo.pool.experts import Expert, Price;"
        "p = load(); assert 'onnxruntime' not in sys.modules;"
        "p.predict(['hello'], [Expert(model='Yi-6B', name='y', price=Price(input=1, output=1))]);"
        "heavy = ('torch', 'transformers', 'pyarrow', 'sklearn', 'matplotlib', 'pandas');"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(SHIPPED, tmp_path / "a")
    return tmp_path / "a"


@pytest.mark.parametrize("name", ["encoder.onnx", "response.safetensors", "tokenizer.json"])
def test_a_damaged_or_missing_file_is_named(copy, name):
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(ConfigError, match=f"{name}: damaged"):
        load(copy).predict(["x"], [expert("Yi-6B")])
    (copy / name).unlink()
    with pytest.raises(ConfigError, match=f"{name}: missing"):
        load(copy).predict(["x"], [expert("Yi-6B")])


def test_a_wrong_manifest_is_refused_at_once(copy):
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, "format": FORMAT + 1}))
    with pytest.raises(ConfigError, match="newer than this Leeroo"):
        load(copy)
    (copy / "manifest.json").write_text("{")
    with pytest.raises(ConfigError, match="not a predictor's manifest"):
        load(copy)
    (copy / "manifest.json").unlink()
    with pytest.raises(ConfigError, match="no predictor artifact there"):
        load(copy)
    with pytest.raises(ConfigError, match="no such predictor artifact"):
        load(copy / "nowhere")


def test_a_query_that_comes_again_is_not_encoded_again(monkeypatch):
    predictor, someone = load(), expert("a")
    first = predictor.predict(["What is the capital of France?"], [someone])
    monkeypatch.setattr(predictor, "encode", None)
    again = predictor.predict(["What is the capital of France?"], [someone])
    assert again.quality.tolist() == first.quality.tolist()
    with pytest.raises(TypeError):
        predictor.predict(["Another one?"], [someone])


def test_the_newest_queries_are_remembered_and_no_text_is_kept():
    predictor, someone = load(), expert("a")
    for n in range(REMEMBERED_VECTORS + 5):
        predictor.predict([f"{n}"], [someone])
    assert len(predictor._recent) == REMEMBERED_VECTORS
    assert all(isinstance(key, bytes) and len(key) == 16 for key in predictor._recent)
