"""A tiny encoder, randomly initialised, and outcome tables whose answer is known: experts good at one subject each."""

from pathlib import Path

import numpy as np
import pytest

from leeroo.learning.outcomes import OutcomeTable

WORDS = {
    "maths": ["sum", "integral", "prime", "matrix", "root", "angle"],
    "law": ["court", "contract", "tort", "statute", "judge", "appeal"],
}
FILLER = ["which", "of", "these", "is", "the", "a", "about", "what", "does", "say", "in", "case"]


def make_table(folder: Path, name: str, *, count: int = 160, seed: int = 0) -> Path:
    """`mathematician` answers maths, `lawyer` law, `both` (dear) nearly all, `neither` little."""
    rng = np.random.default_rng(seed)
    queries, domains, scores = [], [], []
    for i in range(count):
        domain = ("maths", "law")[i % 2]
        words = [str(rng.choice(WORDS[domain])) for _ in range(4)] + [str(rng.choice(FILLER)) for _ in range(4)]
        queries.append(f"{' '.join(words)} n{i}\nA. one\nB. two")
        domains.append(domain)
        chance = [0.95, 0.1, 0.95, 0.1] if domain == "maths" else [0.1, 0.95, 0.95, 0.1]
        scores.append(rng.random(4) < chance)
    experts = ("mathematician", "lawyer", "both", "neither")
    matrix = np.array(scores, dtype=np.float32)
    matrix[::7, 3] = np.nan
    tokens = rng.integers(20, 60, size=matrix.shape).astype(np.float32)
    table = OutcomeTable(
        name=name,
        query_ids=tuple(f"{name}-{i}" for i in range(count)),
        datasets=(name,) * count,
        domains=tuple(domains),
        queries=tuple(queries),
        experts=experts,
        prices=np.array([[1, 1], [1, 1], [10, 10], [0.5, 0.5]], dtype=np.float32),
        scores=matrix,
        prompt_tokens=np.where(np.isnan(matrix), np.nan, 12).astype(np.float32),
        completion_tokens=np.where(np.isnan(matrix), np.nan, tokens).astype(np.float32),
    )
    table.write(folder / name)
    return folder / name


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
    from leeroo.learning.training import train

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
        neighbours=10,
    )
    return report, out
