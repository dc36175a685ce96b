"""How a router consults where the caller says nothing else: what its pool file and its predictor's artifact bring."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from leeroo.consult.logprobs import LogProbs
from leeroo.pool.repeats import repeats_of

if TYPE_CHECKING:
    from leeroo.consult.likeness import Similarity
    from leeroo.consult.model import ConsultModel
    from leeroo.consult.settings import Consulting
    from leeroo.prediction.predictor import Predictor

ARTIFACT_KEY = "consult"
"""Of an artifact's settings: the consult model that was fitted with its predictions."""


class InUse(NamedTuple):
    """The consult model in use.

    Attributes:
        model: The model.
        source: Where it comes from: "the caller", a file's path, "the predictor's artifact", or "shipped".
    """

    model: "ConsultModel"
    source: str

    @property
    def words(self) -> str:
        """Both in words."""
        queries = self.model.queries
        return f"{self.source}, {f'fitted on {queries} outcomes' if queries else 'not fitted'}"


class OwnConsulting:
    """A router's own settings for consultations; what a caller gives goes before them.

    Args:
        predictor: Gives the router's predictor.
        given: What the pool file says under `consult`: `model` and `likeness` (files), `judge` (an expert), `repeats`.

    Attributes:
        logprobs: What its calls have learned of the experts' log-probabilities.
    """

    def __init__(self, predictor: "Callable[[], Predictor]", given: Mapping[str, Any] | None = None) -> None:
        self.logprobs = LogProbs()
        self._predictor = predictor
        self._given = dict(given or {})
        self._file: ConsultModel | None = None
        self._likeness: Any = None
        self._fitted: tuple[Any, ConsultModel] | None = None

    def with_(self, **given: Any) -> "OwnConsulting":
        """The same with other files, another judge or other repeats, where they are given."""
        more = {key: value for key, value in given.items() if value is not None}
        return OwnConsulting(self._predictor, {**self._given, **more})

    @property
    def judge(self) -> str | None:
        """The expert that judges where no rule can compare."""
        return self._given.get("judge")

    @property
    def repeats(self) -> int:
        """How often one expert may be asked in a call."""
        return int(self._given.get("repeats") or 1)

    def check(self) -> None:
        """Read the files that are named.

        Raises:
            ConfigError: One is missing, or is not what it should be.
        """
        if self._given.get("repeats") is not None:
            repeats_of(self._given["repeats"], "consult.repeats")
        if self._given.get("model") is not None and self._file is None:
            from leeroo.consult.model import ConsultModel

            self._file = ConsultModel.read(Path(self._given["model"]))
        if self._given.get("likeness") is not None and self._likeness is None:
            from leeroo.consult.likeness import Likeness

            self._likeness = Likeness.read(Path(self._given["likeness"]))

    def complete(self, settings: "Consulting | None") -> "Consulting":
        """The caller's settings, and the router's where they say nothing."""
        from leeroo.consult.likeness import shipped as usual
        from leeroo.consult.settings import Consulting

        own = settings or Consulting()
        self.check()
        if self._likeness is not None and own.equivalence.likeness is usual():
            own = replace(own, equivalence=replace(own.equivalence, likeness=self._likeness))
        repeats = self.repeats if own.repeats is None else own.repeats
        return replace(own, model=self.in_use(own).model, judge=own.judge or self.judge, repeats=repeats)

    def in_use(self, settings: "Consulting | None" = None) -> InUse:
        """The consult model: the caller's, the pool file's, the artifact's, or the one that ships.

        Raises:
            ConfigError: The file or the artifact's model is not usable.
        """
        from leeroo.consult.model import shipped

        self.check()
        if settings is not None and settings.model is not None:
            return InUse(settings.model, "the caller")
        if self._file is not None:
            return InUse(self._file, str(self._given["model"]))
        fitted = self._of_artifact()
        return InUse(shipped(), "shipped") if fitted is None else InUse(fitted, "the predictor's artifact")

    def similarity(self) -> "Similarity | None":
        """How alike two texts are to the predictor, None where it has no vectors."""
        from leeroo.routing.resembling import similarity_of

        return similarity_of(self._predictor())

    def _of_artifact(self) -> "ConsultModel | None":
        artifact = getattr(self._predictor(), "artifact", None)
        given = getattr(artifact, "settings", {}).get(ARTIFACT_KEY)
        if not isinstance(given, Mapping):
            return None
        if self._fitted is None or self._fitted[0] is not given:
            from leeroo.consult.model import ConsultModel

            self._fitted = (given, ConsultModel.of(given))
        return self._fitted[1]
