"""The exported encoder: torch's numbers, in few nodes."""

from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from transformers import BertConfig, BertModel

from leeroo.prediction.causal_lm import mean_pooled
from leeroo.prediction.text import pad
from leeroo.training.export import export_encoder

IDS, MASK = pad([[2, 5, 9, 3], [2, 7, 8, 6, 11, 30, 4, 3], [2, 3]])


def bert(heads):
    torch.manual_seed(heads)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": heads}
    model = BertModel(BertConfig(vocab_size=40, max_position_embeddings=16, **sizes), add_pooling_layer=False).eval()
    with torch.no_grad():  # initial weights are so small that attention would be the same everywhere
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return model


def run(path, ids, mask):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {"ids": ids, "mask": mask})[0]


def cosine(a, b):
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.mark.parametrize("heads", [1, 4])
def test_the_graph_gives_what_the_module_gives(tmp_path, heads):
    model = bert(heads)
    ids, mask = torch.from_numpy(IDS), torch.from_numpy(MASK)
    with torch.no_grad():
        expected = mean_pooled(model(input_ids=ids, attention_mask=mask).last_hidden_state, mask).numpy()
    plain = run(export_encoder(model, tmp_path / "plain.onnx", quantise=False), IDS, MASK)
    np.testing.assert_allclose(plain, expected, atol=2e-5)
    assert np.abs(run(tmp_path / "plain.onnx", IDS, np.ones_like(MASK)) - expected).max() > 0.01  # the mask counts
    small = run(export_encoder(model, tmp_path / "int8.onnx"), IDS, MASK)
    assert (cosine(small, expected) > 0.95).all()


def test_padding_and_company_change_nothing(tmp_path):
    path = export_encoder(bert(4), tmp_path / "plain.onnx", quantise=False)
    alone = [run(path, IDS[i : i + 1, :length], MASK[i : i + 1, :length])[0] for i, length in enumerate(MASK.sum(1))]
    np.testing.assert_allclose(run(path, IDS, MASK), alone, atol=2e-5)


def test_a_layer_is_four_int8_products_and_one_attention(tmp_path):
    nodes = Counter(node.op_type for node in onnx.load(export_encoder(bert(4), tmp_path / "int8.onnx")).graph.node)
    assert nodes["MatMulInteger"] == 2 * 4
    assert nodes["MultiHeadAttention"] == 2
    assert nodes["Transpose"] == nodes["Softmax"] == 0
