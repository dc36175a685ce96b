"""What tests of several rooms share."""

import pytest

from tests.core.tables import FILLER, WORDS, make_table


class Clock:
    """Tells the time that a test has set in `now`, in seconds."""

    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(scope="session")
def table_dir(tmp_path_factory):
    return make_table(tmp_path_factory.mktemp("tables"), "toy")


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory):
    """Folder of a two-layer BERT of width 32 with a word-level tokenizer."""
    import json

    import torch
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("base")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS["maths"], *WORDS["law"], *FILLER, "A", "B", ".", "one", "two"]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "vocab_size": len(words),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
    }
    (folder / "config.json").write_text(json.dumps(settings))
    torch.manual_seed(0)
    model = BertModel(BertConfig(**settings), add_pooling_layer=False)
    with torch.no_grad():
        model.embeddings.word_embeddings.weight.mul_(20)
    save_file(model.state_dict(), str(folder / "model.safetensors"))
    return folder


@pytest.fixture(scope="session")
def trained(tmp_path_factory, table_dir, tiny_base):
    """(report, artifact folder) of a tiny training run."""
    from leeroo.training.training import train

    out = tmp_path_factory.mktemp("artifact")
    report = train(
        [table_dir],
        out,
        epochs=8,
        base=tiny_base,
        traits=8,
        frozen_layers=0,
        learning_rate=3e-3,
        batch=16,
        max_length=32,
        serve_length=32,
    )
    return report, out
