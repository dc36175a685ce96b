"""Run experts on problems with known answers, and write down what came of it: an outcome table of one's own."""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from leeroo.endpoints import complete
from leeroo.experts import Pool
from leeroo.learning.families import Problem
from leeroo.learning.matchers import MATCHERS
from leeroo.learning.outcomes import OutcomeTable

Progress = Callable[[int, int], None]


def label(
    pool: Pool,
    problems: Sequence[Problem],
    *,
    name: str = "labelled",
    max_tokens: int = 96,
    workers: int = 2,
    on_progress: Progress | None = None,
) -> OutcomeTable:
    """Ask every expert every problem and score the answers.

    An expert that fails on a problem leaves that outcome unknown rather than wrong: a server that was down says nothing
    of what its model knows.

    Args:
        pool: The experts; run through their OpenAI-compatible endpoints.
        problems: Questions with their answers.
        name: Name of the table.
        max_tokens: Output cap of each answer.
        workers: Requests in flight.
        on_progress: Called with the number of outcomes so far and in all.
    """
    experts = list(pool)
    shape = (len(problems), len(experts))
    scores, inputs, outputs = (np.full(shape, np.nan, dtype=np.float32) for _ in range(3))
    done = 0

    def one(place: tuple[int, int]) -> tuple[int, int, float, int, int] | None:
        row, column = place
        problem, expert = problems[row], experts[column]
        try:
            text, usage = complete(
                expert, [{"role": "user", "content": problem.question}], prompt=problem.question, max_tokens=max_tokens
            )
        except Exception:
            return None
        right = MATCHERS[problem.matcher](text, problem.answer)
        return row, column, float(right), usage.input_tokens, usage.output_tokens

    places = [(row, column) for row in range(shape[0]) for column in range(shape[1])]
    with ThreadPoolExecutor(workers) as threads:
        for outcome in threads.map(one, places):
            done += 1
            if outcome is not None:
                row, column, scores[row, column], inputs[row, column], outputs[row, column] = outcome
            if on_progress is not None:
                on_progress(done, len(places))
    return OutcomeTable(
        name=name,
        query_ids=tuple(f"{name}-{hashlib.sha256(p.question.encode()).hexdigest()[:12]}" for p in problems),
        datasets=(name,) * len(problems),
        domains=tuple(p.family for p in problems),
        queries=tuple(p.question for p in problems),
        experts=tuple(e.name for e in experts),
        prices=np.array([(e.known_price.input, e.known_price.output) for e in experts], dtype=np.float32),
        scores=scores,
        prompt_tokens=inputs,
        completion_tokens=outputs,
    )
