"""How right and wrong answers of several experts come about: `ConsultModel`.

A query has a difficulty z ~ N(0, 1) that all experts share; low z is hard. Given z, expert e is right with probability
sigmoid(b logit(Q_e) + a_e + l_e s z), where Q_e is its predicted quality, and the experts' errors are independent. All
right answers agree. Wrong answers fall into clusters by a Chinese restaurant process whose concentration
exp(t0 + t1 z) is smaller on hard questions, where many fall for the same mistake; of a question with m options, by the
finite process over the m - 1 wrong ones. A wrong expert gives no comparable answer at all with probability nu_e. An
expert that is asked again repeats itself as `leeroo.consult.repeats` says, with one correlation rho.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from leeroo.consult.partitions import log_partitions
from leeroo.errors import ConfigError, did_you_mean

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
NODES = 9
"""Gauss-Hermite nodes over the difficulty."""
LEAST = 1e-4
"""Predicted qualities are kept this far from 0 and 1: no prediction is that sure."""


class Trait(NamedTuple):
    """What the model knows of one expert.

    Attributes:
        bias: a_e, added to the scaled logit of its predicted quality.
        loading: l_e, how strongly the shared difficulty moves it; 1 is the usual.
        abstention: nu_e, P(nothing comparable | wrong); None for the usual.
    """

    bias: float = 0.0
    loading: float = 1.0
    abstention: float | None = None


_USUAL = Trait()
_TWO_ALIKE = np.array([[0, 0, 1]])
"""One block of two wrong answers, as `log_partitions` counts blocks."""


@dataclass(frozen=True)
class ConsultModel:
    """The model's parameters. The defaults are usable without a fit.

    Attributes:
        slope: b; above 1 where predictions are too modest once the difficulty is taken out.
        spread: s, how far difficulties are apart, in logits.
        concentration: t0, the log concentration of wrong answers at the middle difficulty.
        tilt: t1, how much it grows as questions become easier.
        abstention: nu, P(nothing comparable | wrong) of experts whose own is not known.
        certainty: c, logits by which an answer is more probably right for each nat that its log-probability lies above
            its expert's usual one; 0: log-probabilities are not asked for. The default is a guess.
        repeat_correlation: rho, 0..1, of repeated draws of one expert on a query, given its difficulty: 0 where each is
            as good as another expert of the same quality, 1 where they say nothing. The default is a guess.
        traits: By expert name; the usual `Trait` for everybody else.
        queries: How many queries it was fitted on, 0 for a model that nobody fitted.
    """

    slope: float = 1.25
    spread: float = 2.4
    concentration: float = 0.9
    tilt: float = 0.8
    abstention: float = 0.03
    certainty: float = 0.25
    repeat_correlation: float = 0.5
    traits: Mapping[str, Trait] = field(default_factory=dict)
    queries: int = 0

    def __post_init__(self) -> None:
        numbers = [getattr(self, f.name) for f in fields(self) if f.name not in ("traits", "queries")]
        numbers += [value for trait in self.traits.values() for value in trait if value is not None]
        if not all(isinstance(v, (int, float)) and np.isfinite(v) for v in numbers):
            raise ConfigError("A consult model has a parameter that is no finite number; fit it anew.")
        if isinstance(self.queries, bool) or not isinstance(self.queries, int) or self.queries < 0:
            raise ConfigError(f"queries of a consult model is {self.queries!r}; give how many it was fitted on.")
        silences = [self.abstention, *(t.abstention for t in self.traits.values() if t.abstention is not None)]
        least = min(self.spread, self.certainty)
        if self.slope <= 0 or least < 0 or not all(0 < nu < 1 for nu in silences):
            raise ConfigError("A consult model needs slope > 0, spread and certainty >= 0, and 0 < abstention < 1.")
        if not 0 <= self.repeat_correlation <= 1:
            raise ConfigError(f"repeat_correlation of a consult model is {self.repeat_correlation}; give 0 to 1.")

    def chances(self, quality: Floats, names: Sequence[str], shifts: Sequence[float] = ()) -> Floats:
        """P(right) at every node of the difficulty.

        Args:
            quality: Predicted qualities, 0..1, shape (queries, experts).
            names: The experts, one per column.
            shifts: Logits that are added for each expert, none for no shift at all.

        Returns:
            Shape (queries, experts, nodes).
        """
        known = [self.traits.get(name, _USUAL) for name in names]
        bias = np.array([trait.bias for trait in known])
        loading = np.array([trait.loading for trait in known])
        z, _ = nodes()
        logit = self.slope * logits(quality) + bias + (np.asarray(shifts) if len(shifts) else 0.0)
        return sigmoid(logit[:, :, None] + (loading * self.spread)[:, None] * z)

    def confirming(self, quality: Floats, names: Sequence[str], alternatives: int | None = None) -> Flags:
        """Whether the best-predicted expert's answer is more probably right where another one says the same.

        Of one that is nearly always wrong the model holds that it shares its mistakes with the best, so that whoever
        agrees with it is wrong, too. It was fitted on experts that are right every other time, and weaker ones are
        wrong in more ways than that: the agreement of Llama-2-7b, right in 13% of MMLU-Pro's physics questions, makes
        a strong model's answer right in 81% instead of 71%, and not in 52%.

        Args:
            quality: Predicted, shape (experts,).
            names: The experts.
            alternatives: How many wrong answers the question has to choose from, None for without end.

        Returns:
            Shape (experts,); true of the best-predicted itself.
        """
        right, (_, weights) = self.chances(quality[None], names)[0], nodes()
        wrong = (1 - right) * (1 - self.abstentions(names))[:, None]
        alike = np.exp(log_partitions(_TWO_ALIKE, self.log_concentration(), alternatives)[0])
        best = int(quality.argmax())
        for_it, against = (right * right[best]) @ weights, (wrong * wrong[best] * alike) @ weights
        found = np.asarray(for_it * (wrong[best] @ weights) >= against * (right[best] @ weights))
        found[best] = True
        return found

    def abstentions(self, names: Sequence[str]) -> Floats:
        """P(nothing comparable | wrong) of each expert, shape (experts,)."""
        own = [self.traits.get(name, _USUAL).abstention for name in names]
        return np.array([self.abstention if nu is None else nu for nu in own])

    def name_of(self, name: str, *others: str | None) -> str:
        """The name under which the model knows an expert: its own, its traits', or its model's."""
        return next((known for known in (name, *others) if known in self.traits), None) or name

    def stricter(self, abstention: float) -> "ConsultModel":
        """The same model where wrong answers are found out at least this often."""
        traits = {
            name: trait._replace(abstention=None if trait.abstention is None else max(trait.abstention, abstention))
            for name, trait in self.traits.items()
        }
        return replace(self, abstention=max(self.abstention, abstention), traits=traits)

    def log_concentration(self) -> Floats:
        """Log concentration of the wrong answers at every node, shape (nodes,)."""
        return self.concentration + self.tilt * nodes()[0]

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe; `of` reads it."""
        return {**asdict(self), "traits": {name: trait._asdict() for name, trait in sorted(self.traits.items())}}

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "ConsultModel":
        """A model from what `to_dict` gave.

        Raises:
            ConfigError: An unknown key or a value that is no number.
        """
        known = [f.name for f in fields(cls)]
        for key in given:
            if key not in known:
                raise ConfigError(f"Unknown key {key!r} of a consult model.{did_you_mean(key, known)}")
        try:
            traits = {str(name): Trait(**own) for name, own in dict(given.get("traits", {})).items()}
        except (TypeError, ValueError):
            raise ConfigError("traits of a consult model are bias, loading and abstention by expert name.") from None
        return cls(**{**given, "traits": traits})

    @classmethod
    def read(cls, path: str | Path) -> "ConsultModel":
        """A model from its JSON file.

        Raises:
            ConfigError: The file is missing or is not such a model.
        """
        try:
            given = json.loads(Path(path).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigError(f"{path}: no such file; `leeroo replay DIR --fit FILE.json` writes one.") from None
        except ValueError:
            raise ConfigError(f"{path}: not JSON.") from None
        if not isinstance(given, dict):
            raise ConfigError(f"{path}: a consult model is a JSON object.")
        return cls.of(given)

    def write(self, path: str | Path) -> None:
        """Write the model as `read` reads it."""
        Path(path).write_text(json.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")


@cache
def shipped() -> ConsultModel:
    """The model that ships: fitted on outcomes that the shipped predictor was not trained on."""
    path = Path(__file__).parent / "shipped.json"
    return ConsultModel.read(path) if path.exists() else ConsultModel()


@cache
def nodes() -> tuple[Floats, Floats]:
    """Places and weights of the difficulty's nodes; the weights sum to 1."""
    places, weights = np.polynomial.hermite_e.hermegauss(NODES)
    return places, weights / weights.sum()


def logits(quality: Floats) -> Floats:
    """Log odds of probabilities, kept off the ends."""
    p = np.clip(quality, LEAST, 1 - LEAST)
    return np.asarray(np.log(p) - np.log1p(-p))


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)) without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))
