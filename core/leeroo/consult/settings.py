"""How experts are consulted: `Consulting`, what a caller may set."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from leeroo.budget import Budget
from leeroo.consult.ahead import LookAhead
from leeroo.consult.asking import Asking, Option, Policy
from leeroo.consult.equivalence import Equivalence
from leeroo.consult.model import ConsultModel, shipped
from leeroo.consult.policy import HASTE
from leeroo.consult.readings import options_of
from leeroo.errors import ConfigError
from leeroo.pool.repeats import repeats_of

SMALL = 5
"""Questions with up to this many options have few wrong answers to fall for: the finite model is used."""
VERIFIED_ABSTENTION = 0.3
"""P(fails the caller's check | wrong) that is assumed where there is one: passing it says something, too."""


@dataclass(frozen=True)
class Consulting:
    """How experts are consulted.

    Attributes:
        equivalence: Which answers are the same, and the caller's own check.
        model: How right and wrong answers come about; the one that ships when absent.
        haste: Share of a second expert's price that may be wasted to ask two at once; 0: one after the other.
        policy: Whom to ask next, and when to stop.
        judge: An expert of the pool that is asked whether two answers agree that no rule can compare; None: nobody.
        repeats: How often one expert may be asked in a call, 1 to 5; None: what the pool file says, else once. Who
            would say the same again (temperature 0, a seed) is asked once all the same, and the record says so.
    """

    equivalence: Equivalence = field(default_factory=Equivalence)
    model: ConsultModel | None = None
    haste: float = HASTE
    policy: Policy = LookAhead
    judge: str | None = None
    repeats: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.haste <= 1:
            raise ConfigError(f"haste is {self.haste}; give a share between 0 and 1.")
        if self.judge is not None and (not isinstance(self.judge, str) or not self.judge):
            raise ConfigError(f"judge is {self.judge!r}; give the name of an expert of the pool.")
        if self.repeats is not None:
            repeats_of(self.repeats)

    def model_in_use(self) -> ConsultModel:
        """The model, stricter where the caller checks answers."""
        model = self.model or shipped()
        return model if self.equivalence.verify is None else model.stricter(VERIFIED_ABSTENTION)

    def expects(self, question: str, *, structured: bool = False) -> bool:
        """Whether it can be told before any answer that answers will be comparable."""
        return self.judge is not None or self.equivalence.expects(question, structured=structured)

    def open(self, options: Sequence[Option], budget: Budget, question: str) -> Asking:
        """The policy of one call."""
        model, alternatives = self.model_in_use(), alternatives_of(question)
        return self.policy(options, budget, model=model, haste=self.haste, alternatives=alternatives)


def alternatives_of(question: str) -> int | None:
    """How many wrong answers a question has to choose from, where they are few; None for others."""
    options = options_of(question)
    return options - 1 if options is not None and options <= SMALL else None
