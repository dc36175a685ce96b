"""What reasoning models were measured to think, as data: `MEASURED`.

From the runs of the polyglot leaderboard (225 programming tasks, up to two tries each) that Aider publishes under
Apache-2.0: Aider-AI/aider, `aider/website/_data/polyglot_leaderboard.yml` at commit 5dc9490 of 2026-05-22, runs of
2025-05 to 2025-10. It tells output tokens per run, thought included. What is said without thought is known of those
that were run both ways; of the others it is taken to be `SAID`, the median of the six runs without thought.
"""

from typing import NamedTuple

SAID = 1_809
"""Output tokens per task of models that do not think: 1,520, 1,617, 1,692, 1,926, 2,285 and 2,549."""


class Run(NamedTuple):
    """One run.

    Attributes:
        model: Canonical id.
        effort: As `leeroo.pool.names` reads it; "" for the model's own default.
        tokens: Output tokens per task.
        said: Output tokens per task without thought.
    """

    model: str
    effort: str
    tokens: int
    said: int = SAID


RUNS = (
    Run("gpt-5", "low", 3_465),
    Run("gpt-5", "", 6_528),  # its default is medium
    Run("gpt-5", "medium", 6_528),
    Run("gpt-5", "high", 11_660),
    Run("o3", "", 5_132),
    Run("o3", "medium", 5_132),
    Run("o3", "high", 9_101),
    Run("gpt-oss-120b", "high", 3_807),
    Run("grok-4", "", 15_162),
    Run("gemini-2.5-pro", "", 18_410),
    Run("gemini-2.5-flash", "thinking", 12_014, said=2_285),
    Run("claude-sonnet-4", "thinking", 5_649, said=1_926),
    Run("deepseek-r1-0528", "", 8_224),
    Run("deepseek-v3.2-exp", "thinking", 7_312, said=2_549),
)

MEASURED: dict[tuple[str, str], float] = {(run.model, run.effort): run.tokens / run.said - 1 for run in RUNS}
"""Tokens thought for each token of the answer, by model and effort."""
