"""Response models fitted again on part of the outcomes: what studies that leave something out are made with."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from leeroo.evaluation.vectors import plain_vectors, predictor_vectors
from leeroo.prediction.artifact import Artifact, KnownExpert
from leeroo.prediction.response import ResponsePredictor
from leeroo.training.corpus import Corpus
from leeroo.training.population import fit_response, linear_traits

Float32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Space = Literal["plain", "own"]
"""The vectors: of the plain encoder, which has seen no outcome, or of the predictor's own, which has seen them all."""

SPREAD = 0.05


@dataclass(frozen=True)
class Setting:
    """Queries with their vectors, and what is needed to fit response models on them.

    Attributes:
        predictor: The predictor studied.
        space: Whose vectors.
        corpus: The tables.
        vectors: Shape (queries, width).
    """

    predictor: ResponsePredictor
    space: Space
    corpus: Corpus
    vectors: Float32

    @classmethod
    def of(cls, corpus: Corpus, predictor: ResponsePredictor, space: Space, *, progress: bool = False) -> "Setting":
        """Encode the corpus, or take the vectors kept."""
        if space == "plain":
            return cls(predictor, space, corpus, plain_vectors(corpus.queries, progress=progress))
        return cls(predictor, space, corpus, predictor_vectors(corpus.queries, predictor, progress=progress))

    def fit(self, train: Mask, validation: Mask, columns: Mask | None = None) -> ResponsePredictor:
        """A response model on some queries and columns only; the latent traits too, on plain vectors.

        It has one strength of shrinkage: studies compare, and fit many.

        Args:
            train: The queries fitted on.
            validation: The queries calibrated on.
            columns: The experts; all when None.
        """
        arrays, settings = self.predictor.artifact.arrays, self.predictor.artifact.settings
        project, bias, activation = (
            (*linear_traits(self.vectors[train], 128), "linear")
            if self.space == "plain"
            else (arrays["project"], arrays["project_bias"], settings.get("activation", "gelu"))
        )
        used = self.corpus.take(train | validation, columns)
        at = train[train | validation]
        fitted = fit_response(
            used,
            self.vectors[train | validation, : len(project)],  # without the lexical part, which stands behind
            at,
            ~at,
            project,
            bias,
            activation=activation,
            spreads=(SPREAD,),
        )
        counts = (~np.isnan(used.scores[at])).sum(axis=0)
        experts = tuple(
            KnownExpert(name=name, table=table, outcomes=int(count))
            for (table, name), count in zip(used.columns, counts, strict=True)
        )
        kept = {name: settings[name] for name in ("max_length", "assumed_tokens") if name in settings}
        return ResponsePredictor(
            Artifact(self.predictor.artifact.folder, experts, fitted.arrays, {**fitted.settings, **kept})
        )
