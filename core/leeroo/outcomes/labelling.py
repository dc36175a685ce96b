"""Run experts on problems with known answers, and write down what came of it: an outcome table of one's own."""

import contextvars
import hashlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from leeroo.budget import Budget
from leeroo.consult.marks import fingerprint, marks_of_fingerprints
from leeroo.endpoints.openai_compatible import ask, resolve
from leeroo.errors import BudgetExceeded, ExpertsFailed, NoEligibleExpert
from leeroo.ledger.memory import Ledger
from leeroo.outcomes.families import Problem
from leeroo.outcomes.matchers import MATCHERS
from leeroo.outcomes.table import OutcomeTable
from leeroo.pool.experts import Expert
from leeroo.pool.pool import Pool
from leeroo.prediction.predictor import ConstantPredictor
from leeroo.routing.router import Router

log = logging.getLogger("leeroo.labelling")
FloatArray = npt.NDArray[np.float32]
Progress = Callable[[int, int], None]
FIGURES = 4
"""Of an outcome: score, input and output tokens, and the answer's fingerprint."""
UNKNOWN = (float("nan"),) * FIGURES


class Labeller:
    """Asks every expert every problem and scores the answers; every call is charged to a ledger.

    Args:
        pool: The experts; run through their OpenAI-compatible endpoints.
        ledger: Whose limits hold; in memory, without limits, when absent.
        scope: The ledger's account.
        max_tokens: Output cap of each answer.
        workers: Requests in flight.

    Raises:
        ConfigError: An expert has no endpoint, or its key is not set.
    """

    def __init__(
        self,
        pool: Pool,
        ledger: Ledger | None = None,
        *,
        scope: str | None = None,
        max_tokens: int = 96,
        workers: int = 2,
    ) -> None:
        for expert in pool:
            resolve(expert)
        # The whole output is expected, so that a call whose full answer the money does not pay for is refused, not cut
        # short: a cut answer would teach that the expert is wrong.
        self._router = Router(pool, predictor=ConstantPredictor(output_tokens=10**6), ledger=ledger)
        self._scope = scope
        self._max_tokens = max_tokens
        self._workers = workers

    def outcomes(self, problems: Sequence[Problem], on_progress: Progress | None = None) -> FloatArray:
        """Score, input and output tokens, fingerprint of the answer (`leeroo.consult.marks`), NaN where unknown.

        An expert that fails on a problem leaves that outcome unknown rather than wrong: a server that was down says
        nothing of what its model knows. So does one that the ledger's limits do not pay for; it is not asked.

        Args:
            problems: Questions with their answers.
            on_progress: Called with the number of outcomes so far and in all.

        Returns:
            Shape (problems, experts, `FIGURES`).

        Raises:
            LedgerError: The ledger is down.
        """
        places = [(problem, expert) for problem in problems for expert in self._router.pool]
        found = np.full((len(places), FIGURES), np.nan, dtype=np.float32)
        # Each in a copy of this context: an ambient budget holds here, too.
        contexts = [contextvars.copy_context() for _ in places]
        with ThreadPoolExecutor(self._workers) as threads:
            runs = threads.map(lambda context, place: context.run(self._outcome, *place), contexts, places)
            for number, outcome in enumerate(runs):
                found[number] = outcome
                if on_progress is not None:
                    on_progress(number + 1, len(places))
        return found.reshape(len(problems), len(self._router.pool), FIGURES)

    def _outcome(self, problem: Problem, expert: Expert) -> tuple[float, ...]:
        budget = Budget(expert=expert.name, scope=self._scope)
        try:
            answer = ask(self._router, problem.question, budget, max_tokens=self._max_tokens)
        except (BudgetExceeded, ExpertsFailed, NoEligibleExpert) as error:
            log.warning("%s: an outcome stays unknown: %s", expert.name, error)
            return UNKNOWN
        right = MATCHERS[problem.matcher](answer.text, problem.answer)
        same = fingerprint(answer.text, problem.question)
        return float(right), answer.record["input_tokens"], answer.record["output_tokens"], same


def label(
    pool: Pool,
    problems: Sequence[Problem],
    *,
    ledger: Ledger | None = None,
    scope: str | None = None,
    name: str = "labelled",
    max_tokens: int = 96,
    workers: int = 2,
    on_progress: Progress | None = None,
) -> OutcomeTable:
    """The outcome table of all experts on all problems, as `Labeller` finds it.

    Args:
        pool: The experts; run through their OpenAI-compatible endpoints.
        problems: Questions with their answers.
        ledger: Whose limits hold; in memory, without limits, when absent.
        scope: The ledger's account.
        name: Name of the table.
        max_tokens: Output cap of each answer.
        workers: Requests in flight.
        on_progress: Called with the number of outcomes so far and in all.

    Raises:
        ConfigError: An expert has no endpoint, or its key is not set.
        LedgerError: The ledger is down.
    """
    labeller = Labeller(pool, ledger, scope=scope, max_tokens=max_tokens, workers=workers)
    return outcome_table(pool, problems, labeller.outcomes(problems, on_progress), name)


def outcome_table(pool: Pool, problems: Sequence[Problem], outcomes: FloatArray, name: str) -> OutcomeTable:
    """Outcomes as `Labeller.outcomes` gives them, as a table."""
    experts = list(pool)
    return OutcomeTable(
        name=name,
        query_ids=tuple(f"{name}-{hashlib.sha256(p.question.encode()).hexdigest()[:12]}" for p in problems),
        datasets=(name,) * len(problems),
        domains=tuple(p.family for p in problems),
        queries=tuple(p.question for p in problems),
        experts=tuple(e.name for e in experts),
        prices=np.array([(e.known_price.input, e.known_price.output) for e in experts], dtype=np.float32),
        scores=outcomes[..., 0],
        prompt_tokens=outcomes[..., 1],
        completion_tokens=outcomes[..., 2],
        answers=np.array([marks_of_fingerprints(row) for row in outcomes[..., 3].tolist()], dtype=object).reshape(
            outcomes.shape[:2]
        ),
    )
