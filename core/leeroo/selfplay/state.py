"""What a run knows so far: its questions, their outcomes, and what is believed of the experts."""

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from leeroo.outcomes.table import OutcomeTable
from leeroo.pool.pool import Pool
from leeroo.prediction.response import ResponsePredictor
from leeroo.prediction.response_model import ResponseModel
from leeroo.selfplay import updating
from leeroo.selfplay.generation import Cell, CellRecord
from leeroo.selfplay.items import Float32, Item, Outcome, as_table
from leeroo.selfplay.posterior import Float64
from leeroo.selfplay.updating import Lesson


class State:
    """The memory of a run, made anew from its journal at every start.

    Args:
        name: Of the run's outcome table.
        pool: The experts, as the predictor knows them.
        base: The predictor that outcomes are added to.

    Attributes:
        held_out: Questions that are never learned from, by id.
        items: Those of the rounds, by id.
        outcomes: Of the rounds.
        records: How wrong predictions were, by cell.
        included: How many of the outcomes the base was trained on itself.
    """

    def __init__(self, name: str, pool: Pool, base: ResponsePredictor) -> None:
        self.name, self.pool = name, pool
        self.held_out: dict[str, Item] = {}
        self.items: dict[str, Item] = {}
        self.outcomes: list[Outcome] = []
        self.records: dict[Cell, CellRecord] = {}
        self.rebase(base)

    def add(self, items: Iterable[Item], outcomes: Iterable[Outcome]) -> None:
        """Take in a round."""
        self.items |= {item.id: item for item in items}
        self.outcomes += outcomes

    def rebase(self, base: ResponsePredictor) -> None:
        """Go on from a predictor that was trained on all outcomes so far."""
        self.base, self.included = base, len(self.outcomes)
        self._model = ResponseModel(base.artifact)
        self._vectors: dict[str, Float32] = {}

    def vectors(self, items: Collection[Item]) -> Float32:
        """The items' vectors by the base's encoder, shape (items, width); each is encoded once."""
        new = [item for item in items if item.id not in self._vectors]
        if new:
            found = self.base.encode([item.question for item in new])
            self._vectors |= {item.id: vector for item, vector in zip(new, found, strict=True)}
        if not items:
            return np.zeros((0, self.base.artifact.arrays["project"].shape[0]), dtype=np.float32)
        return np.array([self._vectors[item.id] for item in items], dtype=np.float32)

    def inputs(self, items: Collection[Item]) -> Float64:
        """[h(q), 1] of each item, shape (items, traits + 1)."""
        return updating.inputs(self._model, self.vectors(items))

    def lesson(self) -> Lesson:
        """What is believed of the experts now."""
        table = as_table(self.name, list(self.items.values()), self.outcomes[self.included :], self.pool)
        return updating.learn(self.base.artifact, list(self.pool), self.inputs(self.items.values()), table.scores)

    def table(self) -> OutcomeTable:
        """All outcomes of the rounds."""
        return as_table(self.name, list(self.items.values()), self.outcomes, self.pool)

    def record(self, items: Sequence[Item], outcomes: Sequence[Outcome], predicted: Sequence[Sequence[float]]) -> None:
        """Remember by cell how wrong predictions were and how far experts lay apart: the next round is aimed there.

        Args:
            items: A round's.
            outcomes: Theirs.
            predicted: Quality of each (item, expert) before the round.
        """
        row_of = {item.id: i for i, item in enumerate(items)}
        scores: dict[str, list[float]] = {}
        for outcome in outcomes:
            row = row_of[outcome.item]
            p = predicted[row][self.pool.names.index(outcome.expert)]
            self._record(items[row]).errors.append((outcome.score - p) ** 2)
            scores.setdefault(outcome.item, []).append(outcome.score)
        for item_id, found in scores.items():
            if len(found) > 1:
                self._record(items[row_of[item_id]]).apart.append(max(found) - min(found))

    def _record(self, item: Item) -> CellRecord:
        return self.records.setdefault((item.domain, item.difficulty), CellRecord())
