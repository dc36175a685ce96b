"""The network's encoder as int8 ONNX. Needs torch and onnx."""

import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from leeroo.errors import MissingDependency


class _Attention(torch.autograd.Function):
    """One node of ONNX Runtime for what is ten in plain ONNX: heads split, scores, mask, softmax, heads joined."""

    @staticmethod
    def forward(_: Any, q: Any, k: Any, v: Any, mask: torch.Tensor, heads: int) -> torch.Tensor:
        def split(y: Any) -> Any:
            return y.unflatten(-1, (heads, -1)).transpose(1, 2)

        bias = (1.0 - mask[:, None, None, :].to(q.dtype)) * -10000.0  # what the node adds where the mask is 0
        seen = nn.functional.scaled_dot_product_attention(split(q), split(k), split(v), attn_mask=bias)
        return seen.transpose(1, 2).flatten(-2)

    @staticmethod
    def symbolic(g: Any, q: Any, k: Any, v: Any, mask: Any, heads: int) -> Any:
        none = g.op("prim::Constant")  # no bias: the linear layers have added theirs
        none.setType(torch.OptionalType.ofTensor())
        return g.op("com.microsoft::MultiHeadAttention", q, k, v, none, mask, num_heads_i=heads).setType(q.type())


class _Sum(torch.autograd.Function):
    """Addition as ONNX's `Sum`. The runtime would fuse `Add` with the norm after it, and its fused node is slower."""

    @staticmethod
    def forward(_: Any, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a + b

    @staticmethod
    def symbolic(g: Any, a: Any, b: Any) -> Any:
        return g.op("Sum", a, b).setType(a.type())


_attention: Any = _Attention.apply
_sum: Any = _Sum.apply


class _Pooled(nn.Module):
    """Ids and mask -> mean-pooled vectors, in the operations that ONNX Runtime is quick at."""

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        e = self.encoder.embeddings
        positions = torch.arange(ids.shape[1], device=ids.device).unsqueeze(0)
        x = e.word_embeddings(ids) + e.position_embeddings(positions) + e.token_type_embeddings.weight[0]
        x = e.LayerNorm(x)
        seen = mask.to(torch.int32)
        for layer in self.encoder.encoder.layer:
            x = self._layer(layer, x, seen)
        weight = mask.to(x.dtype)
        weight = weight / weight.sum(1, keepdim=True).clamp(min=1)
        pooled: torch.Tensor = (weight.unsqueeze(1) @ x).squeeze(1)
        return pooled

    @staticmethod
    def _layer(layer: Any, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        own, out = layer.attention.self, layer.attention.output
        parts = (own.query, own.key, own.value)
        # One product for all three; the exporter folds the concatenation, so that the file holds one matrix.
        weight, bias = (torch.cat([getattr(part, name) for part in parts]) for name in ("weight", "bias"))
        qkv: Any = nn.functional.linear(x, weight, bias)
        seen = _attention(*qkv.split(own.all_head_size, dim=-1), mask, own.num_attention_heads)
        x = out.LayerNorm(_sum(out.dense(seen), x))
        inner = nn.functional.gelu(layer.intermediate.dense(x))
        return layer.output.LayerNorm(_sum(layer.output.dense(inner), x))  # type: ignore[no-any-return]


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
        import onnx  # noqa: F401 - only whether it is there; the quantiser needs it
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
            custom_opsets={"com.microsoft": 1},
            dynamo=False,  # the newer exporter needs onnxscript and gives the same graph
        )
        if quantise:
            quantize_dynamic(plain, path, per_channel=True, reduce_range=False, weight_type=QuantType.QInt8)
        else:
            path.write_bytes(plain.read_bytes())
    return path
