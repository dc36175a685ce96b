"""The paper's predictor on a tiny random Llama: trained, saved, served, resumed, extended; all offline."""

import json
import shutil

import numpy as np
import pytest

from leeroo.errors import ConfigError
from leeroo.evaluation import evaluate
from leeroo.pool.experts import Expert
from leeroo.pool.prices import Price
from leeroo.prediction import load
from leeroo.training.training import train
from tests.core.tables import FILLER, WORDS

TINY = {"traits": 8, "batch": 16, "max_length": 32, "serve_length": 32, "learning_rate": 1e-2}
LORA = {"layers": 2, "lora_layers": 1, "lora_rank": 4}


def experts(*names):
    return [Expert(model=name, name=name, price=Price(input=1, output=1)) for name in names]


@pytest.fixture(scope="module")
def tiny_llama(tmp_path_factory):
    """Folder of a three-layer Llama of width 32 with a word-level tokenizer, as transformers writes them."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("llama")
    words = ["[UNK]", *WORDS["maths"], *WORDS["law"], *FILLER, "A", "B", ".", "one", "two"]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]").save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=64,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def lm(tmp_path_factory, table_dir, tiny_llama):
    """(report, artifact folder) of a tiny training run."""
    out = tmp_path_factory.mktemp("lm")
    return train([table_dir], out, epochs=6, causal_lm=str(tiny_llama), **TINY, **LORA), out


def test_it_learns_who_is_good_at_what_and_serves_it_like_any_predictor(lm, table_dir):
    _, out = lm
    predicted = load(out).predict(
        ["prime root integral matrix of the sum", "court appeal contract tort of the judge", ""],
        experts("mathematician", "lawyer", "both", "unheard-of"),
    )
    maths, law, _ = predicted.quality
    assert maths[0] > maths[1] + 0.2
    assert law[1] > law[0] + 0.2
    assert np.isfinite(predicted.quality).all()
    assert predicted.sources == ("learned",) * 3 + ("price",)
    report = evaluate(table_dir, load(out), reference="both", baselines="none")
    assert min(report.experts[name]["auc"] for name in ("mathematician", "lawyer")) > 0.8


def test_the_artifact_holds_adapters_and_head_but_no_base_model(lm, tiny_llama):
    _, out = lm
    manifest = json.loads((out / "manifest.json").read_text())
    assert set(manifest["files"]) == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "scaling.safetensors",
        "response.safetensors",
    }
    assert manifest["settings"]["source"] == {
        "kind": "causal-lm",
        "base": str(tiny_llama),
        "fingerprint": manifest["settings"]["source"]["fingerprint"],
        "layers": 2,
        "adapters": True,
    }
    from safetensors import safe_open

    with safe_open(out / "adapter_model.safetensors", "np") as file:
        names = list(file.keys())
    # One adapted layer, the upper one of the two that are read: A and B of its query and value projections.
    assert len(names) == 4
    assert all("layers.1." in name and "lora_" in name for name in names)


def test_a_run_resumes_where_it_stopped(lm, table_dir, tiny_llama, tmp_path):
    import torch

    _, out = lm
    shutil.copytree(out / "work", tmp_path / "work")
    state = torch.load(tmp_path / "work" / "checkpoint.pt", weights_only=True)
    learned = {name for name in state["network"] if name.startswith("encoder.")}
    assert all("lora_" in name or name in ("encoder.centre", "encoder.scale") for name in learned)
    train([table_dir], tmp_path, epochs=6, causal_lm=str(tiny_llama), resume=True, **TINY, **LORA)
    first, second = (load(place).artifact.arrays for place in (out, tmp_path))
    np.testing.assert_allclose(first["ability"], second["ability"], atol=1e-5)
    with pytest.raises(ConfigError, match="other settings"):
        train(
            [table_dir], tmp_path, epochs=6, causal_lm=str(tiny_llama), resume=True, **TINY, **{**LORA, "lora_rank": 2}
        )


def test_frozen_hidden_states_make_an_artifact_without_adapters(table_dir, tiny_llama, tmp_path):
    train([table_dir], tmp_path, epochs=0, causal_lm=str(tiny_llama), **TINY)
    assert not (tmp_path / "adapter_config.json").exists()
    predictor = load(tmp_path)
    vectors = predictor.encode(["court judge", "prime sum of the matrix"])
    assert vectors.shape == (2, 32)
    single = predictor.encode(["court judge"])
    np.testing.assert_allclose(vectors[:1], single, atol=1e-4)  # what pads a batch changes nothing
    quality = predictor.predict(["court judge"], experts("both", "neither")).quality[0]
    assert quality[0] > quality[1]


def test_experts_are_added_and_versions_kept_as_with_the_encoder(lm, tmp_path):
    from leeroo.prediction.versions import Versions
    from leeroo.training.traits import add_expert

    _, out = lm
    outcomes = [("prime sum of the root", 1.0), ("court judge of the appeal", 0.0)] * 20
    add_expert(out, "newcomer", outcomes, tmp_path / "more")
    maths, law = (
        load(tmp_path / "more")
        .predict(["matrix root prime angle", "tort statute court judge"], experts("newcomer"))
        .quality[:, 0]
    )
    assert maths > law
    versions = Versions(tmp_path / "versions")
    versions.use(versions.add(tmp_path / "more").id)
    assert load(tmp_path / "versions").encode(["court"]).shape == (1, 32)


def test_another_or_a_missing_base_model_is_named_with_the_remedy(lm, tiny_llama, tmp_path):
    _, out = lm
    for base, message in ((tmp_path / "gone", "not a GGUF file"), (tmp_path / "other", "not the model of training")):
        copy = tmp_path / f"to-{base.name}"
        shutil.copytree(out, copy)
        manifest = json.loads((copy / "manifest.json").read_text())
        manifest["settings"]["source"]["base"] = str(base)
        (copy / "manifest.json").write_text(json.dumps(manifest))
        if base.name == "other":
            from safetensors.numpy import load_file, save_file

            shutil.copytree(tiny_llama, base)
            weights = load_file(base / "model.safetensors")
            name = next(iter(weights))
            save_file({**weights, name: weights[name] + 1}, base / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(ConfigError, match=message) as caught:
            load(copy).encode(["court"])
        assert "settings.source.base" in str(caught.value)


def test_wrong_choices_are_refused(table_dir, tiny_llama, tiny_base, tmp_path):
    with pytest.raises(ConfigError, match="3 layers"):
        train([table_dir], tmp_path, epochs=0, causal_lm=str(tiny_llama), layers=9, **TINY)
    with pytest.raises(ConfigError, match="not both"):
        train([table_dir], tmp_path, epochs=0, causal_lm=str(tiny_llama), base=tiny_base, **TINY)
    with pytest.raises(ConfigError, match="nowhere"):
        train([table_dir], tmp_path, epochs=0, causal_lm="nowhere", **TINY)
