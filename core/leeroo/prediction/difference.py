"""What changed between two versions of an artifact: which experts, which settings, which figures."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from leeroo.prediction.artifact import Artifact, read_artifact, source_key
from leeroo.prediction.versions import Version


@dataclass(frozen=True)
class ExpertChange:
    """One expert that the two versions do not know alike.

    Attributes:
        expert: table/name.
        change: What happened to it.
        outcomes: How many outcomes it was learned from, before and after; None where it is not known.
        level: Its mean predicted score on queries like the training data, before and after.
        moved: Length of the step of its ability, in latent traits; None where the latent space is another.
    """

    expert: str
    change: Literal["added", "removed", "changed"]
    outcomes: tuple[int | None, int | None]
    level: tuple[float | None, float | None]
    moved: float | None = None


@dataclass(frozen=True)
class Difference:
    """From one version to another.

    Attributes:
        before: Id of the one.
        after: Id of the other.
        retrained: Whether encoder or latent space differ; then every expert's ability is a new one.
        experts: Those that changed.
        settings: Settings that changed, before and after.
        figures: Figures that both or one of them has and that differ, before and after.
        comparable: Whether the figures were measured on the same held-out part.
    """

    before: str
    after: str
    retrained: bool
    experts: tuple[ExpertChange, ...]
    settings: Mapping[str, tuple[Any, Any]]
    figures: Mapping[str, tuple[float | None, float | None]]
    comparable: bool

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe."""
        return asdict(self)


def difference(before: Version, after: Version) -> Difference:
    """Compare two versions.

    Raises:
        ConfigError: One of them is damaged.
    """
    a, b = read_artifact(before.folder), read_artifact(after.folder)
    retrained = source_key(before.manifest) != source_key(after.manifest) or not _same(a, b, "project")
    one, other = _numbers(before.figures), _numbers(after.figures)
    held_out = before.figures.get("held_out")
    return Difference(
        before=before.id,
        after=after.id,
        retrained=retrained,
        experts=tuple(_experts(a, b, retrained)),
        settings=_changed(a.settings, b.settings),
        figures=_changed(one, other),
        comparable=held_out is not None and held_out == after.figures.get("held_out"),
    )


def _same(a: Artifact, b: Artifact, name: str) -> bool:
    return np.array_equal(a.arrays[name], b.arrays[name])


def _experts(a: Artifact, b: Artifact, retrained: bool) -> list[ExpertChange]:
    old = {f"{e.table}/{e.name}": i for i, e in enumerate(a.experts)}
    new = {f"{e.table}/{e.name}": i for i, e in enumerate(b.experts)}
    found = []
    for name in {**old, **new}:
        i, j = old.get(name), new.get(name)
        outcomes = (None if i is None else a.experts[i].outcomes, None if j is None else b.experts[j].outcomes)
        level = (
            None if i is None else round(float(a.arrays["prior"][i]), 4),
            None if j is None else round(float(b.arrays["prior"][j]), 4),
        )
        if i is None or j is None:
            found.append(ExpertChange(name, "added" if i is None else "removed", outcomes, level))
        elif retrained:
            found.append(ExpertChange(name, "changed", outcomes, level))
        elif any(
            not np.array_equal(a.arrays[k][i], b.arrays[k][j]) for k in ("ability", "bias", "calibration", "prior")
        ):
            step = np.append(b.arrays["ability"][j] - a.arrays["ability"][i], b.arrays["bias"][j] - a.arrays["bias"][i])
            found.append(ExpertChange(name, "changed", outcomes, level, round(float(np.linalg.norm(step)), 4)))
    return found


def _changed(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (a.get(name), b.get(name)) for name in {**a, **b} if a.get(name) != b.get(name)}


def _numbers(figures: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Nested figures as one level: "experts.small.auc"."""
    found: dict[str, float] = {}
    for name, value in figures.items():
        if isinstance(value, Mapping):
            found |= _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            found[f"{prefix}{name}"] = value
    return found
