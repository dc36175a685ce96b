"""Compare a predictor with every baseline on a table of real outcomes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from leeroo.errors import ConfigError, did_you_mean
from leeroo.evaluation import metrics
from leeroo.evaluation.baselines import Known, domain_mean, on_vectors
from leeroo.evaluation.boards import arena, router_eval
from leeroo.evaluation.costs import check_costs, expected_costs, experts_of
from leeroo.evaluation.crossval import gain
from leeroo.evaluation.figures import Line
from leeroo.evaluation.intervals import RoutingFigures, bootstrap
from leeroo.evaluation.metrics import Curve, default_choice
from leeroo.evaluation.report import Report
from leeroo.evaluation.robustness import with_typos
from leeroo.outcomes.table import OutcomeTable
from leeroo.pool.experts import Expert
from leeroo.prediction.matching import normalised
from leeroo.prediction.predictor import Predictor
from leeroo.visible import counted

Floats = npt.NDArray[np.float64]
Baselines = Literal["all", "cheap", "none"]
DRAWN = 100
"""Pools that `won` is measured on."""

SPLITS = {"test": "test", "val": "validation", "validation": "validation", "train": "train", "all": "all"}


def evaluate(
    table_dir: str | Path,
    predictor: Predictor,
    *,
    pool: Sequence[str] | None = None,
    reference: str | None = None,
    weak: str | None = None,
    split: str = "test",
    seed: int = 0,
    baselines: Baselines = "cheap",
    progress: bool = False,
) -> Report:
    """Measure routing on the queries that every expert of the pool answered.

    Args:
        table_dir: The outcome table.
        predictor: The predictor to judge.
        pool: Experts to choose from; all when None. Names may be shortened when it is clear who is meant.
        reference: The expert to match; the most accurate one when None.
        weak: The cheap expert of APGR and CPT; when None, the most accurate one at a quarter of the reference's cost.
        split: test (held out from training), val, train or all.
        seed: Of the split: the one of training.
        baselines: all; cheap: those that need no vectors; none.
        progress: Show a progress line.

    Raises:
        ConfigError: Unknown split or expert, or no query is left.
    """
    table = OutcomeTable.read(table_dir)
    names = _pool_of(table, pool)
    train, validation, part = _parts(table, names, split, seed)
    experts = experts_of(names, part.prices)
    prediction = predictor.predict(part.queries, experts)
    expected = expected_costs(
        predictor, prediction, experts, part.queries, part.prices, part.prompt_tokens.astype(np.float64)
    )
    ours = prediction.quality.astype(np.float64)
    judge = _Judge(names, part, expected, reference, weak)
    lines, curves = judge.compare({"leeroo": ours, **_baselines(train, validation, part, baselines, progress)})
    return Report(
        table_name=table.name,
        split=split,
        queries=len(part),
        pool=tuple(names),
        reference=names[judge.ref],
        weak=names[judge.low],
        lines=lines,
        singles=judge.singles(),
        experts=judge.experts(ours),
        curves=curves,
        intervals=bootstrap(judge.routed(ours), len(part)),
        chance_ece=judge.chance_ece(ours),
        reliability=judge.reliability(ours),
        regret=_regret(part.domains, default_choice(ours, expected), judge.scores, judge.ref),
        boards=judge.boards(ours, predictor, experts),
    )


def _pool_of(table: OutcomeTable, pool: Sequence[str] | None) -> list[str]:
    names = [find(name, table.experts) for name in pool] if pool else list(table.experts)
    if len(set(names)) < 2:
        raise ConfigError(f"Routing needs a pool of at least two experts; {table.name} has {', '.join(table.experts)}.")
    return names


def _parts(
    table: OutcomeTable, names: Sequence[str], split: str, seed: int
) -> tuple[OutcomeTable, OutcomeTable, OutcomeTable]:
    """The pool's training and validation part, for baselines; and the queries of `split` that all of it answered."""
    if split not in SPLITS:
        raise ConfigError(f"Unknown split {split!r}.{did_you_mean(split, SPLITS)}")
    parts = table.parts(seed=seed)
    whole = table.take(np.arange(len(table)), names)
    answered = ~np.isnan(whole.scores).any(axis=1)
    in_part = np.ones(len(table), dtype=bool) if split == "all" else np.asarray(parts == SPLITS[split])
    chosen = np.logical_and(answered, in_part)
    if not chosen.any():
        least, count = names[int((~np.isnan(whole.scores[in_part])).sum(axis=0).argmin())], int(in_part.sum())
        more = "" if split == "all" else ", or take --split all"
        raise ConfigError(
            f"{table.name}: no query of the {split} part was answered by every expert of the pool. Of its "
            f"{counted(count, 'query', 'queries')} {least} answered fewest: leave it out (--pool){more}."
        )
    part = whole.take(chosen)
    check_costs(part, "--pool")
    return whole.take(parts == "train"), whole.take(parts == "validation"), part


def _regret(
    domains: Sequence[str], picked: npt.NDArray[np.intp], scores: Floats, ref: int
) -> dict[str, dict[str, float]]:
    best, got = scores.max(axis=1), scores[np.arange(len(scores)), picked]
    found = {}
    for domain in sorted(set(domains)):
        at = np.array([d == domain for d in domains])
        found[domain] = {
            "queries": float(at.sum()),
            "reference": float((best - scores[:, ref])[at].mean()),
            "leeroo": float((best - got)[at].mean()),
        }
    return found


def find(name: str, known: Sequence[str]) -> str:
    """The one of `known` that a name, perhaps shortened, means.

    Raises:
        ConfigError: None, or several.
    """
    if name in known:
        return name
    same = [k for k in known if normalised(k) == normalised(name)]
    near = same or [k for k in known if name.lower() in k.lower()]
    if len(near) == 1:
        return near[0]
    if near:
        raise ConfigError(f"Expert {name!r} may be {', '.join(near)}; say which.")
    raise ConfigError(f"Unknown expert {name!r}.{did_you_mean(name, known)}")


def _weak(accuracy: Floats, cost: Floats, ref: int) -> int:
    cheap = [j for j in range(len(cost)) if j != ref and cost[j] <= 0.25 * cost[ref] and accuracy[j] < accuracy[ref]]
    if cheap:
        return max(cheap, key=lambda j: accuracy[j])
    others = [j for j in range(len(cost)) if j != ref]
    return min(others, key=lambda j: cost[j])


class _Judge:
    """Figures of methods, given what came out on one pool's queries."""

    def __init__(
        self, names: Sequence[str], part: OutcomeTable, expected: Floats, reference: str | None, weak: str | None
    ) -> None:
        self.names, self.expected, self.part = names, expected, part
        self.scores, self.costs = part.scores.astype(np.float64), part.costs.astype(np.float64)
        self.accuracy, self.cost = self.scores.mean(axis=0), self.costs.mean(axis=0)
        self.ref = names.index(find(reference, names)) if reference else int(self.accuracy.argmax())
        self.low = names.index(find(weak, names)) if weak else _weak(self.accuracy, self.cost, self.ref)
        self.ref_cost = float(self.costs[:, self.ref].mean())
        self.ref_accuracy = float(self.scores[:, self.ref].mean())
        self.span = (float(self.cost.min()), float(self.cost.max()))

    def compare(self, methods: Mapping[str, Floats]) -> tuple[tuple[Line, ...], dict[str, Curve]]:
        """Figures and frontier of each method's predictions, of random mixing of single experts and of the oracle."""
        scores, costs = self.scores, self.costs
        curves = {name: metrics.sweep(p, self.expected, scores, costs) for name, p in methods.items()}
        lines = [self.line(name, predicted, curves[name]) for name, predicted in methods.items()]
        order = np.argsort(self.cost)
        curves["random mixing"] = metrics.hull(Curve(self.cost[order], self.accuracy[order]))
        lines.append(self.chance(curves["random mixing"]))
        curves["oracle"] = metrics.sweep(scores, costs, scores, costs)
        lines.append(self.line("oracle", scores, curves["oracle"], calibrated=False))
        return tuple(lines), curves

    def singles(self) -> tuple[Line, ...]:
        """Every expert alone, the most accurate first."""
        accuracy, cost = self.accuracy.tolist(), self.cost.tolist()
        return tuple(
            Line(self.names[j], accuracy=accuracy[j], cost=cost[j], cost_100=cost[j] / cost[self.ref])
            for j in np.argsort(-self.accuracy)
        )

    def experts(self, ours: Floats) -> dict[str, dict[str, float]]:
        """How well each expert's quality was predicted."""
        return {
            name: {
                "auc": metrics.auc(ours[:, j], self.scores[:, j]),
                "ece": metrics.calibration_error(ours[:, j], self.scores[:, j]),
                "accuracy": float(self.accuracy[j]),
                "predicted": float(ours[:, j].mean()),
            }
            for j, name in enumerate(self.names)
        }

    def routed(self, ours: Floats) -> RoutingFigures:
        """What intervals are drawn of."""
        return RoutingFigures(ours, self.expected, self.scores, self.costs, ref=self.ref, weak=self.low)

    def boards(
        self, predicted: Floats, predictor: Predictor, experts: Sequence[Expert]
    ) -> dict[str, dict[str, float | None]]:
        """What public leaderboards would say; for robustness the queries are predicted again, with typos."""
        reworded = predictor.predict(with_typos(self.part.queries), experts).quality.astype(np.float64)
        picked, again = (default_choice(quality, self.expected) for quality in (predicted, reworded))
        return {
            "routerarena": arena(picked, self.scores, self.costs, again).to_dict(),
            "routereval": router_eval(predicted, self.scores, self.ref_accuracy).to_dict(),
        }

    def chance_ece(self, ours: Floats) -> float:
        """What a perfectly calibrated predictor would show, mean over the experts."""
        return _mean([metrics.chance_calibration_error(p, y) for p, y in zip(ours.T, self.scores.T, strict=True)])

    def reliability(self, ours: Floats) -> dict[str, list[list[float]]]:
        """Each expert's bins of predicted quality."""
        columns = zip(self.names, ours.T, self.scores.T, strict=True)
        return {name: metrics.reliability(p, y).tolist() for name, p, y in columns}

    def line(self, name: str, predicted: Floats, curve: Curve, *, calibrated: bool = True) -> Line:
        advantage = predicted[:, self.ref] - predicted[:, self.low]
        if not calibrated:  # the oracle pays for the reference only where it gains
            advantage = self.scores[:, self.ref] - self.scores[:, self.low]
        weak, strong = self.scores[:, self.low], self.scores[:, self.ref]
        columns = range(self.scores.shape[1]) if calibrated else range(0)
        aucs = [metrics.auc(predicted[:, j], self.scores[:, j]) for j in columns]
        errors = [metrics.calibration_error(predicted[:, j], self.scores[:, j]) for j in columns]
        best = int(curve.accuracy.argmax())
        won = gain(self.part, predicted, name, expected=self.expected, pools=DRAWN, resamples=1)
        return Line(
            name,
            accuracy=float(curve.accuracy[best]),
            cost=float(curve.cost[best]),
            order=won.order,
            won=won.won,
            auc=_mean(aucs),
            ece=_mean(errors),
            apgr=metrics.apgr(advantage, weak, strong),
            cpt50=metrics.cpt(advantage, weak, strong, 0.5),
            cpt80=metrics.cpt(advantage, weak, strong, 0.8),
            **self._frontier(curve),
        )

    def chance(self, curve: Curve) -> Line:
        """Random mixing of single experts: RouteLLM's figures are known without a draw."""
        dense = np.linspace(curve.cost[0], curve.cost[-1], 2000)
        curve = Curve(dense, np.interp(dense, curve.cost, curve.accuracy))
        best = float(curve.accuracy[-1])
        return Line(
            "random mixing",
            accuracy=best,
            cost=float(curve.cost[-1]),
            apgr=0.5,
            cpt50=0.5,
            cpt80=0.8,
            **self._frontier(curve),
        )

    def _frontier(self, curve: Curve) -> dict[str, float]:
        shares = {100: 1.0, 99: 0.99, 95: 0.95}
        found = {f"cost_{k}": metrics.cost_at(curve, s * self.ref_accuracy) / self.ref_cost for k, s in shares.items()}
        found["aiq"] = metrics.aiq(curve, *self.span)
        found["accuracy_at_reference_cost"] = metrics.accuracy_at(curve, self.ref_cost)
        return found


def _mean(values: Sequence[float]) -> float:
    known = [v for v in values if not np.isnan(v)]
    return float(np.mean(known)) if known else float("nan")


def _baselines(
    train: OutcomeTable, validation: OutcomeTable, part: OutcomeTable, which: Baselines, progress: bool
) -> dict[str, Floats]:
    if which == "none" or not len(train):
        return {}
    scores = train.scores.astype(np.float64)
    found = {"domain mean": domain_mean(train.domains, scores, part.domains)}
    if which == "all":
        from leeroo.evaluation.vectors import plain_vectors

        sizes = np.cumsum([len(train), len(validation)])
        queries = (*train.queries, *validation.queries, *part.queries)
        vectors, val_vectors, asked = np.split(plain_vectors(queries, progress=progress), sizes)
        found |= on_vectors(Known(vectors, scores, val_vectors, validation.scores.astype(np.float64)), asked)
    return found
