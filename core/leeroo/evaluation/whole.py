"""Cross-validate the predictor on whole tables: `python -m leeroo.evaluation.whole DIR... --out docs/GAINS.json`.

What stands above the encoder is fitted anew in every fold, the encoder is not. So an honest figure needs one that has
not read the tables (`--encoder-of`); and beside it the artifact itself is measured on the parts that it never read.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from leeroo.errors import ConfigError
from leeroo.evaluation.costs import experts_of, table_costs
from leeroo.evaluation.crossval import BASELINES, FOLDS, POOLS, Gain, folds_of, gain, more_won, without_stems_of
from leeroo.evaluation.gains import draw, write_page
from leeroo.evaluation.vectors import predictor_vectors
from leeroo.outcomes.table import OutcomeTable
from leeroo.prediction import load
from leeroo.prediction.arithmetic import unit
from leeroo.prediction.kinds import Kinds
from leeroo.prediction.knowledge import KindsPredictor
from leeroo.prediction.predictor import Prediction, Source
from leeroo.prediction.response import ResponsePredictor
from leeroo.prediction.response_model import ResponseModel
from leeroo.training.bayes import kmeans
from leeroo.training.corpus import Corpus
from leeroo.training.everyday import everyday
from leeroo.training.kinds import fit_kinds
from leeroo.training.knowledge import blended_prices, tables_of
from leeroo.training.placing import completed

Float32 = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
LEAST_HELD_OUT = 60
"""Fewer queries of a test part say nothing."""


@dataclass(frozen=True)
class Told:
    """What a method says of calls before they are made.

    Attributes:
        quality: Predicted score, shape (queries, experts).
        tokens: Predicted length of the answers, same shape.
    """

    quality: Floats
    tokens: Floats

    @classmethod
    def nothing(cls, shape: tuple[int, ...]) -> "Told":
        """To be filled."""
        return cls(np.full(shape, np.nan), np.full(shape, np.nan))

    def put(self, rows: npt.NDArray[np.bool_], other: "Told") -> None:
        """Fill rows in."""
        self.quality[rows], self.tokens[rows] = other.quality, other.tokens


class Study:
    """Tables with their vectors, ready to be fitted on any part.

    Args:
        folders: Outcome tables.
        predictor: Whose encoder reads the queries.
        progress: Show a progress line.
    """

    def __init__(self, folders: Sequence[str | Path], predictor: ResponsePredictor, *, progress: bool = False) -> None:
        self.tables = [OutcomeTable.read(folder) for folder in folders]
        self.corpus = Corpus.read(folders)
        self.vectors = predictor_vectors(list(self.corpus.queries), predictor, progress=progress)
        self.everyday = predictor_vectors(everyday(), predictor)
        self.width = len(predictor.artifact.arrays["project"])
        self.artifact = predictor.artifact
        self.fold = folds_of(self.corpus.queries)
        self.prices = blended_prices(self.corpus)

    def fitted(self, rows: npt.NDArray[np.bool_]) -> KindsPredictor:
        """What is known after these queries."""
        tables, models = tables_of(self.corpus, rows)
        arrays, settings = fit_kinds(
            self.vectors, tables, models, self.prices, width=self.width, everyday=self.everyday
        )
        return KindsPredictor(Kinds(arrays, {**settings, "doubt": {}}))

    def asked(
        self, known: KindsPredictor, table: OutcomeTable, at: npt.NDArray[np.int64], novelty: Float32 | None = None
    ) -> Told:
        """What is told of a table's experts on queries of the corpus; they are like the rest where novelty is None."""
        experts = experts_of(table.experts, table.prices)
        nothing = np.zeros((len(at), len(experts)), dtype=np.float32)
        sources: tuple[Source, ...] = tuple("prior" for _ in experts)
        far = np.zeros(len(at), np.float32) if novelty is None else novelty
        base = Prediction(nothing, nothing, far, sources)
        found = known.predict(self.vectors[at], experts, base, {})
        return Told(found.quality.astype(np.float64), found.output_tokens.astype(np.float64))

    def cross_validated(self, folds: int = FOLDS) -> list[Told]:
        """What is told of every table's queries by fits that did not see their stems."""
        found = [Told.nothing(table.scores.shape) for table in self.tables]
        for number in range(folds):
            known = self.fitted(self.fold != number)
            for t, table in enumerate(self.tables):
                rows = np.flatnonzero(self.corpus.table == t)
                here = self.fold[rows] == number
                if here.any():
                    found[t].put(here, self.asked(known, table, rows[here]))
        return found

    def left_out(self, table: int) -> Told:
        """What is told of a table by a fit on the queries of all others that do not share its stems."""
        rows = np.flatnonzero(self.corpus.table == table)
        others = without_stems_of(self.corpus.queries, rows)
        return self.asked(self.fitted(others), self.tables[table], rows, self._novelty(rows, others))

    def _novelty(self, rows: npt.NDArray[np.int64], others: npt.NDArray[np.bool_]) -> Float32:
        """As the predictor that serves finds it: by the distance to the nearest of 256 centroids of the others."""
        centroids = kmeans(unit(self.vectors[others, : self.width]), 256)
        served = replace(self.artifact, arrays={**self.artifact.arrays, "centroids": centroids})
        return ResponseModel(served).novelty(self.vectors[rows])

    def held_out(self, table: int, predictor: ResponsePredictor) -> tuple[OutcomeTable, Told, Told]:
        """A table's test part, what an artifact tells of it, and kNN that was given the rest."""
        rows = np.flatnonzero(self.corpus.table == table)
        test = self.corpus.parts[rows] == "test"
        part = self.tables[table].take(np.flatnonzero(test))
        found = predictor.predict_vectors(self.vectors[rows[test]], experts_of(part.experts, part.prices))
        told = Told(found.quality.astype(np.float64), found.output_tokens.astype(np.float64))
        return part, told, self._simple(table, "kNN", test)

    def baseline(self, table: int, name: str) -> Told:
        """What a simple method tells, cross-validated."""
        fold = self.fold[self.corpus.table == table]
        found = Told.nothing(self.tables[table].scores.shape)
        for number in np.unique(fold):
            found.put(fold == number, self._simple(table, name, fold == number))
        return found

    def _simple(self, table: int, name: str, here: npt.NDArray[np.bool_]) -> Told:
        """A simple method, given a table's other rows: lengths are learned as scores are.

        Unknown scores are filled as for ours: else experts that answered easy queries only would look better.
        """
        vectors, given = self.vectors[self.corpus.table == table], self.tables[table]
        scores = completed(given.scores[~here].astype(np.float64))
        lengths = given.completion_tokens[~here].astype(np.float64)
        return Told(*(BASELINES[name](vectors[~here], values, vectors[here]) for values in (scores, lengths)))


def held_out(folders: Sequence[str | Path], predictor: ResponsePredictor, *, pools: int = POOLS) -> Iterator[Gain]:
    """What an artifact itself reaches on the tables' test parts, which it never read."""
    if predictor.knowledge is None:
        raise ConfigError("The artifact knows no kinds of work; renew it: leeroo train TABLES --encoder-of ARTIFACT.")
    work = Study(folders, predictor, progress=sys.stderr.isatty())
    for t in range(len(work.tables)):
        part, ours, near = work.held_out(t, predictor)
        if len(part) >= LEAST_HELD_OUT:
            knn = _gain(part, near, "held out kNN", pools)
            yield _beside(_gain(part, ours, "held out", pools), knn)
            yield knn


def study(folders: Sequence[str | Path], predictor: ResponsePredictor, *, pools: int = POOLS) -> Iterator[Gain]:
    """Every method on every table; `left out` is Leeroo on a table that it has never seen."""
    work = Study(folders, predictor, progress=sys.stderr.isatty())
    ours = work.cross_validated()
    for t, table in enumerate(work.tables):
        simple = {name: _gain(table, work.baseline(t, name), name, pools) for name in BASELINES}
        yield _beside(_gain(table, ours[t], "leeroo", pools), simple["kNN"])
        yield from simple.values()
    for t, table in enumerate(work.tables):
        yield _gain(table, work.left_out(t), "left out", pools)


def _gain(table: OutcomeTable, told: Told, method: str, pools: int) -> Gain:
    return gain(table, told.quality, method, expected=table_costs(table, told.tokens), pools=pools)


def _beside(ours: Gain, knn: Gain) -> Gain:
    return replace(ours, over_knn=more_won(ours, knn))


def main() -> None:
    """Write all figures as JSON, a line each on the way, and beside it a page and a picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="+", type=Path)
    parser.add_argument("--artifact", type=Path, help="the one that ships, if absent")
    parser.add_argument("--encoder-of", type=Path, help="artifact whose encoder reads in cross-validation; the same")
    parser.add_argument(
        "--read", nargs="*", default=[], help="tables that this encoder was fine-tuned on, for the page"
    )
    parser.add_argument("--pools", type=int, default=POOLS)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    found: list[dict[str, Any]] = []
    unread = load(given.encoder_of or given.artifact)
    measured = chain(
        study(given.tables, unread, pools=given.pools),
        held_out(given.tables, load(given.artifact), pools=given.pools),
    )
    for one in measured:
        found.append(one.to_dict())
        sys.stderr.write(
            f"{one.table:14s} {one.method:12s} won {one.won:6.3f} ({one.low:.3f} to {one.high:.3f}) "
            f"by means {one.won_by_means:.3f} order {one.order:.3f} ece {one.ece:.3f} at 99% {one.at_99:.2f}\n"
        )
        given.out.write_text(json.dumps({"gains": found}, indent=1) + "\n", encoding="utf-8")
    write_page(found, given.out.with_suffix(".md"), given.read)
    draw(found, given.out.with_suffix(".svg"))


if __name__ == "__main__":
    main()
