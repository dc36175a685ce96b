"""The network that training fits: encoder, latent traits, experts' abilities, output tokens. Needs torch.

Multidimensional item response theory (Reckase 2009, eq. 4.8): expert e answers query q with
P = sigmoid(theta_e . h(q) + b_e), where h(q) says what the query asks for and theta_e what the expert can do.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from leeroo.prediction.causal_lm import mean_pooled

FloatArray = npt.NDArray[np.float32]


class Network(nn.Module):
    """Encoder -> mean pooling -> latent traits h(q) -> logits and log output tokens of every expert.

    Args:
        encoder: A text model returning `last_hidden_state`, with `config.hidden_size`: BERT, or a causal LM.
        experts: Number of experts (columns of all tables).
        traits: Width of h(q).
    """

    def __init__(self, encoder: nn.Module, experts: int, traits: int = 128) -> None:
        super().__init__()
        self.encoder = encoder
        width = int(encoder.config.hidden_size)  # type: ignore[union-attr, arg-type]
        self.to_traits = nn.Linear(width, traits)
        self.dropout = nn.Dropout(0.1)
        self.ability = nn.Parameter(torch.randn(experts, traits) * 0.02)
        self.common = nn.Parameter(torch.zeros(traits))
        self.bias = nn.Parameter(torch.zeros(experts))
        self.length = nn.Parameter(torch.zeros(experts, traits))
        self.length_bias = nn.Parameter(torch.zeros(experts))

    def traits_of(self, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The pooled vector, shape (batch, width), and h(q), shape (batch, traits)."""
        hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        pooled = mean_pooled(hidden, mask)
        return pooled, nn.functional.gelu(self.to_traits(pooled * 3.0))

    def head(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """What a response model starts from: project (width, traits), project_bias, [ability, bias] of every expert."""

        def numbers(values: torch.Tensor) -> FloatArray:
            return values.detach().cpu().numpy().astype(np.float32)

        learned = torch.cat([self.ability + self.common, self.bias[:, None]], dim=1)
        return numbers(self.to_traits.weight.T * 3.0), numbers(self.to_traits.bias), numbers(learned)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits and standardised log tokens, both of shape (batch, experts)."""
        h = self.dropout(self.traits_of(ids, mask)[1])
        logits = h @ (self.ability + self.common).T + self.bias
        return logits, h @ self.length.T + self.length_bias


def load_encoder(weights: Path, config: Path, *, layers: int | None = None) -> nn.Module:
    """A BERT encoder from a safetensors file and its config.json; of more layers, the lowest `layers` are kept."""
    from safetensors.torch import load_file
    from transformers import BertConfig, BertModel

    settings: dict[str, Any] = json.loads(config.read_text(encoding="utf-8"))
    settings["attention_probs_dropout_prob"] = 0.0  # attention dropout forbids the fused kernel on a CPU
    if layers is not None:
        settings["num_hidden_layers"] = min(layers, int(settings["num_hidden_layers"]))
    encoder = BertModel(BertConfig(**settings), add_pooling_layer=False)
    state = {name: value for name, value in load_file(str(weights)).items() if not name.startswith("pooler.")}
    encoder.load_state_dict(state, strict=False)
    return encoder  # type: ignore[no-any-return]


@dataclass(frozen=True)
class LossWeights:
    """How much each term of the loss counts beside the cross entropy of single outcomes."""

    pairs: float = 0.5
    tokens: float = 0.05
    ability: float = 0.02


def loss_of(
    network: Network,
    logits: torch.Tensor,
    lengths: torch.Tensor,
    scores: torch.Tensor,
    tokens: torch.Tensor,
    group: torch.Tensor,
    weights: LossWeights,
) -> torch.Tensor:
    """Masked cross entropy + pairwise comparison of experts on one query + output tokens + shrinkage of abilities.

    The pairwise term is Bradley-Terry's on the difference of two experts' logits wherever one answered better: routing
    lives on these differences, which the per-expert term hardly feels.

    Args:
        network: Whose abilities are shrunk.
        logits: Shape (batch, experts).
        lengths: Predicted standardised log tokens, shape (batch, experts).
        scores: 0..1, NaN where unknown, shape (batch, experts).
        tokens: Standardised log tokens, NaN where unknown, shape (batch, experts).
        group: The table of each expert, shape (experts,): only experts of one table are compared.
        weights: The terms' weights.
    """
    known = ~torch.isnan(scores)
    target = torch.nan_to_num(scores)
    single = nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    # A query of 29 outcomes says more than one of two, but not 15 times more: its outcomes share their difficulty.
    per_query = (single * known).sum(1) / known.sum(1).clamp(min=1)
    weight = known.sum(1).clamp(max=8).to(logits.dtype).sqrt()
    total = (per_query * weight).sum() / weight.sum()
    if weights.pairs:
        better = (target.unsqueeze(2) - target.unsqueeze(1)).clamp(min=0)
        better = better * (known.unsqueeze(2) & known.unsqueeze(1) & (group.unsqueeze(1) == group.unsqueeze(0)))
        gap = nn.functional.softplus(logits.unsqueeze(1) - logits.unsqueeze(2))
        counted = better.sum((1, 2))
        compared = (gap * better).sum((1, 2)) / counted.clamp(min=1e-6)
        seen = (counted > 0).to(logits.dtype)
        total = total + weights.pairs * (compared * seen).sum() / seen.sum().clamp(min=1)
    if weights.tokens:
        told = ~torch.isnan(tokens)
        error = nn.functional.smooth_l1_loss(lengths, torch.nan_to_num(tokens), reduction="none") * told
        total = total + weights.tokens * error.sum() / told.sum().clamp(min=1)
    return total + weights.ability * network.ability.square().sum(1).mean()
