"""How good were the answers: matchers, the user's own function, consensus, the judge."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from leeroo.consult.marks import fingerprint
from leeroo.errors import ConfigError
from leeroo.outcomes.matchers import MATCHERS
from leeroo.selfplay.calls import Caller, Reply
from leeroo.selfplay.domains import Domain, Scorer, scorer
from leeroo.selfplay.items import Item, Outcome
from leeroo.selfplay.judge import Calibration, calibrate, rate

LEAST_VOTERS = 3
"""Experts that must have answered before their majority means anything."""
CHECKED = 24
"""Answers of known score that a judge is calibrated on, at most."""
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Answered:
    """One expert's replies to one item, one per draw."""

    item: Item
    expert: str
    replies: tuple[Reply, ...]


@dataclass
class Evaluator:
    """Scores answers; keeps the judge's calibration and counts what could not be scored.

    Attributes:
        domains: By name.
        caller: Asks the judge.
        judge: Who judges.
        calibration: The judge's, None before it was needed.
        unscored: Answers without a score, by reason.
    """

    domains: Mapping[str, Domain]
    caller: Caller
    judge: str
    calibration: Calibration | None = None
    unscored: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._functions: dict[str, Scorer] = {
            name: scorer(domain, name) for name, domain in self.domains.items() if domain.check == "function"
        }
        self._checked: list[tuple[Item, str, str, float]] = []

    def score(self, answered: Sequence[Answered]) -> list[Outcome]:
        """The outcomes of all pairs that could be scored; an expert that failed leaves no outcome."""
        found: dict[tuple[int, int], float] = {}
        judged: list[tuple[int, int]] = []
        votes = self._votes(answered)
        for place, one in enumerate(answered):
            for draw, reply in enumerate(one.replies):
                if reply.text is None:
                    self.unscored[reply.error or "other"] += 1
                elif not reply.text.strip():
                    found[place, draw] = 0.0  # asked, paid, and nothing said
                elif one.item.check == "judge":
                    judged.append((place, draw))
                else:
                    score = self._plain(one, reply.text, votes)
                    if score is not None:
                        found[place, draw] = score
        found |= self._judged(answered, judged)
        outcomes = []
        for place, one in enumerate(answered):
            scored = [draw for draw in range(len(one.replies)) if (place, draw) in found]
            if scored:
                replies = [one.replies[draw] for draw in scored]
                outcomes.append(
                    Outcome(
                        one.item.id,
                        one.expert,
                        sum(found[place, draw] for draw in scored) / len(scored),
                        sum(reply.input_tokens for reply in replies) / len(scored),
                        sum(reply.output_tokens for reply in replies) / len(scored),
                        sum(reply.nano for reply in one.replies),
                        len(scored),
                        _same(one),
                    )
                )
        return outcomes

    def state(self) -> dict[str, Any]:
        """What the next rounds need to know, JSON-safe."""
        calibration = None if self.calibration is None else asdict(self.calibration)
        return {"unscored": dict(self.unscored), "calibration": calibration}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        self.unscored = Counter(state["unscored"])
        self.calibration = None if state["calibration"] is None else Calibration(**state["calibration"])

    def _plain(self, one: Answered, text: str, votes: Mapping[str, str | None]) -> float | None:
        """The score by a matcher, the consensus or the user's function; None where there is none."""
        item = one.item
        if item.check in MATCHERS:
            score = float(MATCHERS[item.check](text, item.answer))
            if item.check != "code":
                self._checked.append((item, one.expert, text, score))
            return score
        if item.check == "consensus":
            majority = votes.get(item.id)
            if majority is None:
                self.unscored["no consensus"] += 1
                return None
            return float(normal(text) == majority)
        try:
            score = float(self._functions[item.domain](item.question, text, item.answer))
        except Exception as error:
            self.unscored[f"function raised {type(error).__name__}"] += 1
            return None
        if not 0 <= score <= 1:
            raise ConfigError(
                f"domains.{item.domain}.function: {self.domains[item.domain].function} returned {score}; scores are "
                "between 0 and 1."
            )
        return score

    def _votes(self, answered: Sequence[Answered]) -> dict[str, str | None]:
        """The answer that more than half of the experts give, by item; one vote each, their first answer."""
        ballots: dict[str, list[str]] = defaultdict(list)
        for one in answered:
            if one.item.check == "consensus":
                said = next((reply.text for reply in one.replies if reply.text and reply.text.strip()), None)
                if said is not None:
                    ballots[one.item.id].append(normal(said))
        found: dict[str, str | None] = {}
        for item, said_by in ballots.items():
            most, count = Counter(said_by).most_common(1)[0]
            found[item] = most if len(said_by) >= LEAST_VOTERS and count > len(said_by) / 2 else None
        return found

    def _judged(self, answered: Sequence[Answered], places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], float]:
        if not places:
            return {}
        if self.calibration is None:
            self.calibration = self._calibrate()
        if not self.calibration.trusted:
            self.unscored["judge not trusted"] += len(places)
            return {}
        rubrics = {name: domain.rubric for name, domain in self.domains.items() if domain.rubric}
        asked = []
        for place, draw in places:
            one = answered[place]
            text = one.replies[draw].text or ""
            asked.append((f"{one.item.id}/{one.expert}/{draw}", one.item, text, one.item.answer))
        found = {}
        for at, rating in zip(places, rate(self.caller, self.judge, asked, rubrics), strict=True):
            if rating is None:
                self.unscored["judge gave no verdict"] += 1
            else:
                found[at] = self.calibration(rating)
        return found

    def _calibrate(self) -> Calibration:
        """On answers that a matcher has scored, as many right as wrong ones where there are."""
        chosen = []
        for right in (0.0, 1.0):
            chosen += [row for row in self._checked if row[3] == right and row[2].strip()][: CHECKED // 2]
        asked = [(f"calibration/{item.id}/{expert}", item, text, item.answer) for item, expert, text, _ in chosen]
        ratings = rate(self.caller, self.judge, asked, {})
        return calibrate(ratings, [score for *_, score in chosen])


def normal(answer: str) -> str:
    """An answer's last number, else its last line's words: what votes are counted by."""
    line = next((row for row in reversed(answer.splitlines()) if row.strip()), "")
    numbers = _NUMBER.findall(line)
    if numbers:
        return str(numbers[-1]).replace(",", "")
    return " ".join(re.findall(r"\w+", line.lower()))


def _same(answered: Answered) -> float | None:
    """The fingerprint of the only answer; None where nothing can be compared."""
    text = answered.replies[0].text if len(answered.replies) == 1 else None
    found = None if text is None else fingerprint(text, answered.item.question)
    return None if found is None or math.isnan(found) else found
