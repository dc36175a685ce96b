"""Feedback changes what is predicted of each expert, from the next call on: online, forgetting, bounded, no torch.

Of an expert's ability the level b is learned, its bias: where the predictor says P, the learner says
sigmoid(logit(P) + b), with the prior b ~ N(0, 0.5^2) of an expert that is as predicted. So a lesson needs the
prediction and the score only: no text, no vector, and it can come from a ledger that keeps neither. It never turns an
expert's order of queries round.

Each lesson (score y) is one Newton step of the logistic likelihood, a Gaussian kept in its natural parameters (the
online Laplace approximation; Spiegelhalter and Lauritzen 1990, for the logistic model):

    p = sigmoid(logit(P) + b),   precision += w p (1 - p),   precision x b += w (p (1 - p) b + y - p)

- Most experts are as predicted, and the noise of a few hundred lessons is no reason to route otherwise: what is used of
  b is what lies beyond `DOUBT` posterior standard deviations (soft thresholding, Donoho 1995).
- Forgetting: every lesson of the pool takes 1 / `memory` off what was learned before, of every expert, so that it goes
  back towards the prior (stabilised forgetting, Kulhavy and Zarrop 1993). An expert that lost its traffic gives no
  lessons of its own; forgetting is what lets it be tried again, and be found better, or as bad as before.
- Bounded influence: what one scope teaches is kept apart, and forgets 1 / `scope_memory` with each of its own lessons,
  so that no scope's evidence ever weighs more than `scope_memory` lessons. Calls without a scope are the owner's own.
- Implicit signals, each only where asked for, are lessons of weight `SIGNAL_WEIGHT` with score 0: `fallback` (the
  expert failed and another one answered), `schema` (its answer did not parse), `retry` (the same question again: the
  answer before was of no use). They are taken from the calls of this process.
"""

import hashlib
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leeroo.errors import ConfigError, did_you_mean
from leeroo.ledger.memory import Ledger

SIGNALS = ("fallback", "schema", "retry")
SIGNAL_WEIGHT = 0.5
"""A failure may be the endpoint's and a retry may be idle; a person's word counts twice as much."""
RETRY_SECONDS = 600
REMEMBERED_QUERIES = 10_000
PRIOR_PRECISION = 1 / 0.5**2
DOUBT = 2.0
"""Standard deviations by which lessons must contradict the predictor before it is not believed."""
FORGOTTEN = 0.01
"""What weighs less than this many lessons is dropped."""


@dataclass(slots=True)
class _Evidence:
    """Natural parameters, beyond the prior's, that one scope taught of one expert; `at` is the pool's lesson then."""

    at: int
    weight: float = 0.0
    precision: float = 0.0
    towards: float = 0.0

    def fade(self, factor: float) -> None:
        self.weight *= factor
        self.precision *= factor
        self.towards *= factor


@dataclass(frozen=True)
class Learned:
    """What is believed of an expert beyond the predictor.

    Attributes:
        level: Posterior mean of what to add to the logit of the predicted quality.
        deviation: Its posterior standard deviation.
        lessons: The weight of what was learned and is not forgotten, in lessons.
    """

    level: float = 0.0
    deviation: float = PRIOR_PRECISION**-0.5
    lessons: float = 0.0

    def quality(self, predicted: float) -> float:
        """The quality that is believed in where the predictor says `predicted`."""
        beyond = abs(self.level) - DOUBT * self.deviation
        if beyond <= 0:
            return predicted
        return _sigmoid(_logit(predicted) + math.copysign(beyond, self.level))


@dataclass
class OnlineLearner:
    """Learns from the feedback of a ledger, and from implicit signals where asked to. Thread-safe.

    Every router, in whichever process, that reads the same ledger learns the same from its feedback.

    Args:
        memory: Lessons of the pool after which a lesson weighs 1/e; infinite never forgets.
        scope_memory: Most lessons that one scope's evidence weighs.
        signals: Implicit signals to learn from: any of fallback, schema, retry.
        frozen: Whether nothing more is learned; what was learned is kept and used.
        every: Seconds between looks at the ledger.
        clock: Seconds.

    Raises:
        ConfigError: A value out of range, or an unknown signal.
    """

    memory: float = 500.0
    scope_memory: float = 50.0
    signals: Sequence[str] = ()
    frozen: bool = False
    every: float = 1.0
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)

    def __post_init__(self) -> None:
        for name in ("memory", "scope_memory"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 1:
                raise ConfigError(f"learn: {name} is {getattr(self, name)!r}; give 1 or more lessons.")
        for signal in self.signals:
            if signal not in SIGNALS:
                raise ConfigError(f"learn: unknown signal {signal!r}.{did_you_mean(str(signal), SIGNALS)}")
        self._evidence: dict[str, dict[str | None, _Evidence]] = {}
        self._count = 0
        self._seen = 0
        self._looked: float | None = None
        self._asked: OrderedDict[str, tuple[float, str, float]] = OrderedDict()
        self._lock = threading.RLock()

    def of(self, expert: str) -> Learned:
        """What is believed of an expert now."""
        with self._lock:
            known = self._evidence.get(expert, {})
            precision, towards, weight = PRIOR_PRECISION, 0.0, 0.0
            for scope, own in list(known.items()):
                own.fade((1 - 1 / self.memory) ** (self._count - own.at))
                own.at = self._count
                if own.weight < FORGOTTEN:
                    del known[scope]
                    continue
                precision, towards, weight = precision + own.precision, towards + own.towards, weight + own.weight
            return Learned(towards / precision, precision**-0.5, weight)

    def quality(self, expert: str, predicted: float) -> float:
        """The quality that is believed of an expert where the predictor says `predicted`."""
        return self.of(expert).quality(predicted)

    def refresh(self, ledger: Ledger) -> None:
        """Take in the feedback that came into the ledger since the last look, if one is due."""
        with self._lock:
            now = self.clock()
            if self.frozen or (self._looked is not None and now - self._looked < self.every):
                return
            self._looked = now
            for lesson in ledger.lessons(self._seen):
                self._seen = lesson.number
                self.learn(lesson.expert, lesson.predicted, lesson.score, lesson.scope)

    def learn(self, expert: str, predicted: float, score: float, scope: str | None = None, weight: float = 1.0) -> None:
        """Take one lesson in.

        Args:
            expert: Who answered.
            predicted: What the predictor said, before anything learned here.
            score: How good the answer was, 0..1.
            scope: Whose call it was.
            weight: How much the lesson counts.
        """
        with self._lock:
            if self.frozen:
                return
            self._count += 1
            level = self.of(expert).level
            p = _sigmoid(_logit(predicted) + level)
            own = self._evidence.setdefault(expert, {}).setdefault(scope, _Evidence(self._count))
            if scope is not None:
                own.fade(1 - 1 / self.scope_memory)
            own.weight += weight
            own.precision += weight * p * (1 - p)
            own.towards += weight * (p * (1 - p) * level + score - p)

    def closed(self, record: Mapping[str, Any], query: str) -> None:
        """Learn from a call that ended, what its course says of its experts.

        Args:
            record: Its record.
            query: The question's text; kept as a hash only, to know it again.
        """
        if self.frozen or not self.signals:
            return
        base = {row["expert"]: row.get("base_quality", row["quality"]) for row in record["candidates"]}
        scope = record["budget"].get("scope")
        for expert in self._failed(record):
            self.learn(expert, base[expert], 0.0, scope, SIGNAL_WEIGHT)
        if "retry" in self.signals and query and record["expert"] is not None:
            self._note(hashlib.sha256(f"{scope}\0{query}".encode()).hexdigest(), record["expert"], base, scope)

    def _failed(self, record: Mapping[str, Any]) -> Iterable[str]:
        for attempt in record["attempts"]:
            unreadable = attempt["error"] == "bad_answer"
            passed_on = attempt["error"] in ("timeout", "connection", "server", "content_filter", "other")
            if (unreadable and "schema" in self.signals) or (
                "fallback" in self.signals and (unreadable or passed_on) and record["expert"] != attempt["expert"]
            ):
                yield attempt["expert"]

    def _note(self, key: str, expert: str, base: Mapping[str, float], scope: str | None) -> None:
        with self._lock:
            now = self.clock()
            before = self._asked.pop(key, None)
            if before is not None and now - before[0] <= RETRY_SECONDS:
                self.learn(before[1], before[2], 0.0, scope, SIGNAL_WEIGHT)
            self._asked[key] = (now, expert, base[expert])
            while len(self._asked) > REMEMBERED_QUERIES:
                self._asked.popitem(last=False)


def _logit(p: float) -> float:
    kept = min(max(p, 1e-3), 1 - 1e-3)
    return math.log(kept / (1 - kept))


def _sigmoid(x: float) -> float:
    return 0.5 * (1 + math.tanh(0.5 * x))
