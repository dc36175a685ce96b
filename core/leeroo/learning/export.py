"""The network's encoder as int8 ONNX. Needs torch and onnx."""

import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from leeroo.errors import MissingDependency


class _Pooled(nn.Module):
    """Ids and mask -> mean-pooled vectors, with the attention written out in plain operations."""

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        e = self.encoder.embeddings
        positions = torch.arange(ids.shape[1], device=ids.device).unsqueeze(0)
        x = e.word_embeddings(ids) + e.position_embeddings(positions) + e.token_type_embeddings.weight[0]
        x = e.LayerNorm(x)
        bias = (1.0 - mask[:, None, None, :].to(x.dtype)) * -10000.0
        for layer in self.encoder.encoder.layer:
            x = self._layer(layer, x, bias)
        weight = mask.unsqueeze(-1).to(x.dtype)
        pooled: torch.Tensor = (x * weight).sum(1) / weight.sum(1).clamp(min=1)
        return pooled

    @staticmethod
    def _layer(layer: Any, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        own = layer.attention.self
        heads, size = own.num_attention_heads, own.attention_head_size

        def split(y: torch.Tensor) -> torch.Tensor:
            return y.reshape(y.shape[0], -1, heads, size).transpose(1, 2)

        q, k, v = split(own.query(x)), split(own.key(x)), split(own.value(x))
        weights = torch.softmax(q @ k.transpose(-1, -2) / size**0.5 + bias, dim=-1)
        seen = (weights @ v).transpose(1, 2).reshape(x.shape[0], -1, heads * size)
        x = layer.attention.output.LayerNorm(layer.attention.output.dense(seen) + x)
        inner = nn.functional.gelu(layer.intermediate.dense(x))
        return layer.output.LayerNorm(layer.output.dense(inner) + x)  # type: ignore[no-any-return]


def export_encoder(encoder: nn.Module, path: Path, *, quantise: bool = True) -> Path:
    """Write the encoder as ONNX: `ids` and `mask`, int64 (batch, length) -> `vector`, float32 (batch, width).

    Args:
        encoder: A BERT-like model.
        path: The file to write.
        quantise: Weights as int8, one scale per channel; activations are quantised as they come (dynamic).

    Raises:
        MissingDependency: onnx is not installed.
    """
    try:
        import onnx  # noqa: F401
        from onnxruntime.quantization import QuantType, quantize_dynamic
    except ImportError:
        raise MissingDependency("Exporting the encoder needs onnx: pip install 'leeroo[train]'.") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    words: Any = encoder.config
    ids = torch.tensor([[101, 2054, 2003, 102], [101, 2054, 102, 0]]) % int(words.vocab_size)
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        torch.onnx.export(
            _Pooled(encoder).eval(),
            (ids, mask),
            str(plain),
            input_names=["ids", "mask"],
            output_names=["vector"],
            dynamic_axes={"ids": {0: "batch", 1: "length"}, "mask": {0: "batch", 1: "length"}, "vector": {0: "batch"}},
            opset_version=17,
            dynamo=False,  # the newer exporter needs onnxscript and gives the same graph
        )
        if quantise:
            quantize_dynamic(plain, path, per_channel=True, reduce_range=False, weight_type=QuantType.QInt8)
        else:
            path.write_bytes(plain.read_bytes())
    return path
