"""Ways to get from vectors to predicted quality, compared on the validation part: prints a Markdown table.

    python benchmarks/response_models.py TABLE_DIR... [--artifact RUN]

Every way is fitted on the training part of all tables with the predictor's own vectors and latent traits; the test part
is not looked at. Figures are those of `leeroo eval`, with 95% intervals over the queries.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from leeroo.evaluation.baselines import Known, nearest
from leeroo.evaluation.intervals import RoutingFigures, bootstrap
from leeroo.evaluation.metrics import aiq, sweep
from leeroo.evaluation.vectors import plain_vectors, predictor_vectors
from leeroo.outcomes.table import OutcomeTable
from leeroo.prediction import load
from leeroo.prediction.arithmetic import logit, sigmoid
from leeroo.prediction.artifact import Artifact, KnownExpert
from leeroo.prediction.response_model import ResponseModel
from leeroo.training.corpus import Corpus
from leeroo.training.population import fit_response

PAIRS = {"mmlu": ("Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview")}
FIGURES = ("auc", "apgr", "cpt50", "cpt80", "cost_100", "cost_99", "cost_95")


def ways(corpus: Corpus, vectors: Any, plain: Any, artifact: Artifact) -> Iterator[tuple[str, Any]]:
    """Names and predicted qualities of the validation part, shape (queries, columns)."""
    train, val = corpus.parts == "train", corpus.parts == "validation"
    project, bias = artifact.arrays["project"], artifact.arrays["project_bias"]
    activation = str(artifact.settings.get("activation", "gelu"))
    experts = tuple(KnownExpert(name=name, table=table) for table, name in corpus.columns)
    columns = range(len(experts))

    def quality(fitted: Any, **changed: Any) -> Any:
        arrays = {**fitted.arrays, **changed}
        return ResponseModel(Artifact(artifact.folder, experts, arrays, fitted.settings)).quality(vectors[val], columns)

    def fit(spread: float) -> Any:
        return fit_response(
            corpus, vectors[:, : len(project)], train, val, project, bias,
            activation=activation, spreads=(spread,),
        )  # fmt: skip

    yield "shipped artifact", _shipped(artifact, corpus, vectors[val])
    for spread in (0.02, 0.1, 0.2):
        yield f"shrunk to shared, spread {spread}", quality(fit(spread))
    middle = fit(0.05)
    ours = quality(middle)
    yield "shrunk to shared, spread 0.05", ours
    ability = middle.arrays["ability"]
    for rank in (1, 2, 4, 8):
        low = ability.copy()
        for group in set(corpus.group.tolist()):
            at = corpus.group == group
            centre = ability[at].mean(axis=0)
            u, s, vt = np.linalg.svd(ability[at] - centre, full_matrices=False)
            low[at] = centre + (u[:, :rank] * s[:rank]) @ vt[:rank]
        yield f"the same, differences of rank {rank}", quality(middle, ability=low)
    flat = middle.arrays["calibration"] * 0 + [1, 0]
    yield "the same, not calibrated", quality(middle, calibration=flat.astype(np.float32))
    scores = corpus.scores.astype(np.float64)
    near = nearest(Known(plain[train], scores[train], plain[val], scores[val]), plain[val])
    yield "kNN on plain vectors, k=80", near
    for share in (0.3, 0.5):
        mixed = (1 - share) * logit(ours) + share * logit(near.astype(np.float32))
        yield f"shrunk to shared, {share} of kNN on plain vectors (two encoders)", sigmoid(mixed)


def _shipped(artifact: Artifact, corpus: Corpus, vectors: Any) -> Any:
    places = {(expert.table, expert.name): i for i, expert in enumerate(artifact.experts)}
    return ResponseModel(artifact).quality(vectors, [places[column] for column in corpus.columns])


def figures(predicted: Any, corpus: Corpus, number: int, table: OutcomeTable) -> dict[str, str]:
    """Figures of a table's validation part, with intervals, and its AIQ."""
    at = np.flatnonzero(corpus.group == number)
    names = [corpus.columns[i][1] for i in at]
    pair = PAIRS.get(table.name)
    kept = [names.index(name) for name in pair] if pair else list(range(len(names)))
    val = table.parts() == "validation"
    scores, costs = (m[val][:, kept].astype(np.float64) for m in (table.scores, table.costs))
    predicted = predicted[corpus.table[corpus.parts == "validation"] == number][:, at[kept]].astype(np.float64)
    told = ~np.isnan(scores).any(axis=1)
    scores, costs, predicted = scores[told], costs[told], predicted[told]
    train_costs = table.costs[table.parts() == "train"][:, kept].astype(np.float64)
    expected = np.broadcast_to(np.nanmean(train_costs, axis=0), scores.shape)
    ref = int(scores.mean(axis=0).argmax())
    mean_cost, accuracy = costs.mean(axis=0), scores.mean(axis=0)
    cheap = [j for j in range(len(kept)) if j != ref and mean_cost[j] <= mean_cost[ref] / 4]
    weak = max(cheap or [j for j in range(len(kept)) if j != ref], key=lambda j: accuracy[j])
    routing = RoutingFigures(predicted, expected, scores, costs, ref=ref, weak=weak)
    now, sure = routing(np.arange(len(scores))), bootstrap(routing, len(scores), draws=100)
    shown = {name: f"{now[name]:.3f} ({sure[name][0]:.2f}-{sure[name][1]:.2f})" for name in FIGURES}
    curve = sweep(predicted, expected, scores, costs, points=200)
    return shown | {"aiq": f"{aiq(curve, float(mean_cost.min()), float(mean_cost.max())):.4f}"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("dirs", nargs="+", type=Path)
    parser.add_argument("--artifact", type=Path)
    given = parser.parse_args()
    predictor = load(given.artifact)
    corpus = Corpus.read(given.dirs)
    tables = [OutcomeTable.read(folder) for folder in given.dirs]
    used = corpus.parts != "test"
    vectors = predictor_vectors(corpus.queries, predictor)[used]
    corpus = corpus.take(used)
    plain = plain_vectors(corpus.queries)
    rows: dict[str, list[str]] = {table.name: [] for table in tables}
    for name, predicted in ways(corpus, vectors, plain, predictor.artifact):
        for number, table in enumerate(tables):
            cells = figures(np.asarray(predicted), corpus, number, table)
            rows[table.name].append(f"| {name} | {' | '.join(cells.values())} |")
    for table in tables:
        print(f"### {table.name}, validation part\n| way | {' | '.join([*FIGURES, 'aiq'])} |")
        print("|---" * (len(FIGURES) + 2) + "|\n" + "\n".join(rows[table.name]) + "\n")


if __name__ == "__main__":
    main()
