"""How long an expert's answers take: the median and the 95th percentile, by the length of the answer."""

from collections import deque

KEPT = 128
"""Answers that an estimate is made from, the newest."""
FORGOTTEN_AFTER = 600.0
"""Seconds; older answers say nothing, so that an expert that was slow once is not shunned for ever."""
ENOUGH_FOR_P95 = 20
"""Answers from which on the 95th percentile is told apart from the median."""
RENEWED = 4
"""An estimate is made anew once a quarter of its answers are new: made anew at every answer, it costs every call."""


class LatencyEstimate:
    """A line through (output tokens, seconds) of the newest answers, and how far they lie from it. Not thread-safe.

    Seconds are modelled as (begin + rate x tokens) x ratio: a least-squares line with neither part negative, times a
    quantile of the ratios seen. An answer that was streamed adds its first token as a point of no tokens.

    Args:
        begin: Declared seconds until the first token, used while all answers are of one length.
    """

    def __init__(self, begin: float = 0.0) -> None:
        self._declared = begin
        self._answers: deque[tuple[float, int, float, float | None]] = deque(maxlen=KEPT)
        self._begin = self._rate = 0.0
        self._p50 = self._p95 = 1.0
        self._new = 0

    def observe(self, now: float, seconds: float, output_tokens: int, first_token: float | None = None) -> None:
        """Take in an answer.

        Args:
            now: Seconds on the clock that `seconds_for` is asked with.
            seconds: What the whole answer took.
            output_tokens: Its length.
            first_token: Seconds until the first piece of a stream.
        """
        self._answers.append((now, max(0, output_tokens), max(0.0, seconds), first_token))
        while self._answers[0][0] < now - FORGOTTEN_AFTER:
            self._answers.popleft()
        self._new += 1
        if self._new * RENEWED >= len(self._answers):
            self._new = 0
            self._fit()

    def _fit(self) -> None:
        points = [(tokens, took) for _, tokens, took, _ in self._answers]
        points += [(0, min(first, took)) for _, _, took, first in self._answers if first is not None]
        self._begin, self._rate = _line(points, self._declared)
        ratios = sorted(took / max(1e-9, self._line(tokens)) for _, tokens, took, _ in self._answers)
        self._p50 = ratios[(len(ratios) - 1) // 2]
        self._p95 = ratios[min(len(ratios) - 1, int(0.95 * len(ratios)))]

    def seconds_for(self, output_tokens: int, now: float, *, slow: bool = False) -> float | None:
        """The median seconds of an answer of that length; `slow`: the 95th percentile. None: too little is known."""
        if not self._answers or self._answers[-1][0] < now - FORGOTTEN_AFTER:
            return None
        if slow:
            return self._line(output_tokens) * self._p95 if len(self._answers) >= ENOUGH_FOR_P95 else None
        return self._line(output_tokens) * self._p50

    @property
    def slowest(self) -> float | None:
        """Seconds that 95% of the kept answers took at most, whatever their lengths; None before the first one."""
        took = sorted(seconds for _, _, seconds, _ in self._answers)
        return took[min(len(took) - 1, int(0.95 * len(took)))] if took else None

    def _line(self, tokens: int) -> float:
        return self._begin + self._rate * tokens


def _line(points: list[tuple[int, float]], declared: float) -> tuple[float, float]:
    """Begin and rate of the least-squares line, neither below zero."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if spread == 0:  # all of one length: what comes before the first token can only be taken from the declaration
        begin = min(mean_y, declared) if mean_x else mean_y
        return begin, (mean_y - begin) / mean_x if mean_x else 0.0
    rate = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    if rate < 0:
        return mean_y, 0.0
    begin = mean_y - rate * mean_x
    if begin < 0:
        return 0.0, sum(x * y for x, y in points) / sum(x * x for x, _ in points)
    return begin, rate
