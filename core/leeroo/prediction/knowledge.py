"""What is known of any expert: its outcomes, published or declared scores, relatives, its price, or nothing of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice

import numpy as np
import numpy.typing as npt

from leeroo.pool.experts import Expert
from leeroo.pool.kin import relatives
from leeroo.pool.names import Named, kindred, resolve
from leeroo.pool.places import name_of
from leeroo.pool.spelling import key
from leeroo.prediction.artifact import ADDED, Artifact
from leeroo.prediction.facts import blended
from leeroo.prediction.kinds import Kinds, Loadings
from leeroo.prediction.matching import Matcher, normalised
from leeroo.prediction.predictor import Prediction, as_source
from leeroo.visible import counted

Float32 = npt.NDArray[np.float32]
GUESSED = 1.5
"""How much further a relative is that a name which is not known only speaks of."""
_FACTS = 0.2
"""Weight of what facts say of a model beside its relatives; one at distance d weighs exp(-d / 2)."""
OWN_OUTCOMES = 15.0
"""Outcomes in a kind of work that weigh as much as what is known of an expert from elsewhere."""
_OWN = "outcomes of its own"
"""What the quality of an expert is from of which an artifact of before does not say how many."""
_INFERRED = 0.05
_KINDS_SHOWN = 3
_OWN_MACHINES = 14.0
"""Billions of parameters of a model that costs nothing, where nobody says: people do not run the largest themselves."""
_OTHER = ("fine-tune", "effort")
"""How a name may stand to a model whose outcomes say much of it, and not all."""

# What tells one expert from another here: its model, and whether it is called so; or its names where they are of none;
# what the pool declares of it; its price.
_Key = tuple[Named | None, bool, str | None, tuple[str, ...], tuple[tuple[str, float], ...], float | None]


class KindsPredictor:
    """Quality, doubt and grounds of a pool's experts from the kinds of work.

    Args:
        kinds: The fitted arithmetic.
    """

    def __init__(self, kinds: Kinds) -> None:
        self.kinds = kinds
        self._told = lru_cache(maxsize=1024)(self._tell)  # a router asks for the same few experts again and again

    def tell(self, expert: Expert) -> Loadings:
        """What is known of an expert."""
        names = _names(expert)
        own = next((named for name in names if (named := resolve(name))), None)
        plain = next((own_key for name in names if (own_key := normalised(name)) in self.kinds.column), None)
        if own is not None and plain is not None and plain == own.model:
            plain = None
        price = expert.price
        usd = blended(price.input, price.output) if price is not None else None
        declared = tuple(sorted((expert.benchmark or {}).items()))
        called = own is not None and key(expert.model_id.rsplit("/", 1)[-1]) == key(own.model)
        return self._told((own, called, plain, () if own is not None else tuple(names), declared, usd))

    def told(self, experts: Sequence[Expert], own: Mapping[int, Loadings | None]) -> list[Loadings]:
        """What is known of every expert, what the user taught first.

        Args:
            experts: The experts.
            own: As `taught` gives it. Of those that only the response model was taught, source and words say so.
        """
        found = []
        for j, expert in enumerate(experts):
            known = own.get(j) or self.tell(expert)
            found.append(replace(known, source="learned", said=_OWN) if j in own and own[j] is None else known)
        return found

    def predict(
        self,
        vectors: Float32,
        experts: Sequence[Expert],
        base: Prediction,
        own: Mapping[int, Loadings | None],
        tools: Sequence[bool] | None = None,
    ) -> Prediction:
        """The prediction of all experts.

        Args:
            vectors: Shape (queries, width).
            experts: The experts.
            base: What the response model says: of the lengths of all, and of experts that nothing else is known of.
            own: By place among `experts`, what was learned of those that the user taught the predictor; None where
                only the response model was taught.
            tools: Whether tools are bound to each request; None where nobody says.
        """
        told = self.told(experts, own)
        x = self.kinds.scaled(vectors)
        likeness = self.kinds.likeness(x, base.novelty, tools)
        weight = self._weights(likeness, told)
        lengths = np.stack([t.lengths for t in told]) if self.kinds.lengths else None
        found, tokens = self.kinds.answers(x, weight, np.stack([t.values for t in told]), lengths)
        mine = np.array([j in own and own[j] is None for j in range(len(experts))])
        taught = np.array([j in own for j in range(len(experts))])  # with lengths of its own answers
        quality = np.where(mine, base.quality, found).astype(np.float32)
        spread = np.array([self._doubt(t, weight) for t in told], dtype=np.float32).T
        spread = np.where(mine, self.kinds.doubt.get("learned", 0.0), spread)
        order = np.argsort(-likeness, axis=1)[:, :_KINDS_SHOWN]
        labels = self.kinds.labels
        return Prediction(
            quality=quality,
            output_tokens=np.where(taught, base.output_tokens, tokens) if lengths is not None else base.output_tokens,
            novelty=base.novelty,
            sources=tuple(t.source for t in told),
            doubt=(4 * spread * quality * (1 - quality)).astype(np.float32),
            kinds=tuple(
                tuple((labels[k], float(row[k])) for k in places) for row, places in zip(likeness, order, strict=True)
            ),
            grounds=tuple(t.said for t in told),
        )

    def _weights(self, likeness: Float32, told: Sequence[Loadings]) -> Float32:
        """How much each kind counts for each query, shape (queries, kinds); rows sum to 1."""
        # Outcomes of these very experts say more than levels that are inferred from elsewhere.
        covered = np.mean([t.outcomes / (t.outcomes + OWN_OUTCOMES) for t in told], axis=0, dtype=np.float32)
        carries = self.kinds.carries
        weight = likeness * (covered + _INFERRED * carries)
        weight /= weight.sum(axis=1, keepdims=True)
        # Where the likely kinds have few, and few models to infer them from, how the experts do on all kinds says more.
        elsewhere = ((1 - likeness @ covered) ** 3 * (1 - weight @ carries))[:, None]
        return np.asarray((1 - elsewhere) * weight + elsewhere * carries / carries.sum(), dtype=np.float32)

    def taught(
        self, artifact: Artifact, experts: Sequence[Expert], columns: Sequence[int | None]
    ) -> dict[int, Loadings | None]:
        """What the user taught the predictor of experts: `own` of `predict`.

        Args:
            artifact: The artifact.
            experts: The experts.
            columns: Of each among the artifact's, None where it is not known there.
        """
        found: dict[int, Loadings | None] = {}
        for j, column in enumerate(columns):
            if column is None or (known := artifact.experts[column]).table != ADDED:
                continue
            if (values := artifact.own(column)) is None:
                found[j] = None
                continue
            told = replace(self.tell(experts[j]), values=values)
            if known.outcomes:
                # Which kinds they were of is not kept: they count in all.
                said = f"{counted(known.outcomes, 'outcome')} of its own"
                found[j] = replace(told, outcomes=told.outcomes + known.outcomes, source="learned", said=said)
            else:
                found[j] = replace(told, source=as_source(known.source), said="what you said of it")
        return found

    def so_far(self, artifact: Artifact, expert: Expert) -> Float32:
        """Levels and directions of an expert, shape (kinds, 1 + directions): as taught by the user, else as `tell`."""
        own = self.taught(artifact, [expert], Matcher(artifact.experts).columns([expert])).get(0)
        return (own or self.tell(expert)).values

    def rates(self, experts: Sequence[Expert], kind: str) -> list[tuple[float | None, int]]:
        """Mean score and number of each expert's outcomes in a kind of work, by the kind's label."""
        k = self.kinds.labels.index(kind)
        found: list[tuple[float | None, int]] = []
        for expert in experts:
            count, model = int(self.tell(expert).outcomes[k]), self.column(expert)
            found.append((float(self.kinds.rate[k, model]) if count and model is not None else None, count))
        return found

    def column(self, expert: Expert) -> int | None:
        """The expert's place among the models that outcomes or published scores are known of."""
        return next((i for name in _names(expert) if (i := self.kinds.column.get(normalised(name))) is not None), None)

    def _doubt(self, told: Loadings, likeness: Float32) -> Float32:
        """Standard deviation of the level for lack of knowledge of the expert, at quality 1/2, shape (queries,)."""
        general = self.kinds.doubt.get(told.source if told.source != "learned" else "elsewhere", 0.0)
        here = self.kinds.doubt.get("learned", 0.0)
        known = told.outcomes / (told.outcomes + OWN_OUTCOMES)
        share = likeness @ known.astype(np.float32)
        return np.asarray(share * here + (1 - share) * general, dtype=np.float32)

    def _tell(self, what: _Key) -> Loadings:
        named, called, plain, unknown, declared, usd = what
        kinds = self.kinds
        if plain is not None and (unlisted := kinds.known(plain)) is not None:
            return unlisted
        if named is not None and (found := kinds.known(named.model)) is not None:
            if named.relation in _OTHER:
                return replace(found, source="relative", said=f"{named.said} ({found.said})")
            return found if called else replace(found, said=f"{found.said} of {_taken_for(named)}")
        alike = named or next((other for name in unknown if (other := kindred(name)) is not None), None)
        size = next((size for name in unknown if (size := size_in(name)) is not None), None)
        said = "nothing but its size" if size else "nothing but what models are like in general"
        if not size and alike is None and usd == 0:
            size, said = _OWN_MACHINES, "nothing but what models on people's own machines are like"
        prior = kinds.place_of_facts(usd, alike.row if alike is not None else None, size)
        if declared:
            place = kinds.place_of_scores(dict(declared), prior)
            strange = ", ".join(name for name, _ in declared if not kinds.scores_of(name))
            but = f", of which {strange} is on no known benchmark" if strange else ""
            return kinds.placed(place, "benchmark", f"the scores that the pool declares{but}")
        if alike is not None and (kin := self._kin(alike, prior, guessed=named is None)) is not None:
            return kin
        if usd:
            return kinds.placed(prior, "price", "its price among the models of its time")
        return kinds.placed(prior, "prior", said)

    def _kin(self, named: Named, prior: Float32, *, guessed: bool) -> Loadings | None:
        """From the nearest relatives that something is known of: the nearer, the more they say.

        What they say is how far they lie from where facts alone put them: that runs in families, while sizes and
        generations differ.
        """
        close = [(r.model, r.relation, r.distance) for r in relatives(named.model)]
        if guessed:
            close = [(named.model, "its name speaks of it", 0.0), *close]
        known = ((r, found) for r in close if (found := self.kinds.beyond_facts(r[0], prior)) is not None)
        near = list(islice(known, 3))
        if not near:
            return None
        weight = np.exp(-0.5 * np.array([distance + GUESSED * guessed for (_, _, distance), _ in near]))
        place = prior + weight @ np.array([found for _, found in near]) / (weight.sum() + _FACTS)
        words = ", ".join(f"{model} ({relation})" for (model, relation, _), _ in near[:2])
        return self.kinds.placed(place.astype(np.float32), "relative", f"its relatives {words}")


def _taken_for(named: Named) -> str:
    """The model that outcomes are of, and how a name that is not its own stands to it."""
    if named.relation == "same":
        return named.model
    return named.said if named.said.startswith(named.model) else f"{named.model} (this is {named.said})"


def size_in(name: str) -> float | None:
    """Billions of parameters, where a name says so: 8 of `my-llama-8b`, 56 of `8x7b`."""
    found = _SIZE.search(name.lower())
    return float(found["experts"] or 1) * float(found["size"]) if found else None


_SIZE = re.compile(r"(?<![a-z\d.])(?:(?P<experts>\d)x)?(?P<size>\d{1,4}(?:\.\d{1,2})?)b(?![a-z\d])")


def _names(expert: Expert) -> list[str]:
    """What an expert may be known by, the most telling first."""
    return [name for name in (expert.traits, name_of(expert), expert.model_id, expert.name) if name]
