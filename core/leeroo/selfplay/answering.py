"""Outcomes of a round: asks experts for answers and scores them, once each, as the journal remembers: `Answering`."""

from collections.abc import Sequence
from dataclasses import asdict

from leeroo.pool.pool import Pool
from leeroo.selfplay.calls import Caller, Request
from leeroo.selfplay.evaluation import Answered, Evaluator
from leeroo.selfplay.items import Item, Outcome
from leeroo.selfplay.journal import Journal
from leeroo.selfplay.orchestration import Pair
from leeroo.selfplay.questions import Watch, title
from leeroo.selfplay.settings import Settings


class Answering:
    """Asks and scores.

    Args:
        pool: The experts.
        settings: How many answers, and how long.
        journal: Holds the outcomes of rounds that are done.
        caller: Asks the experts.
        evaluator: Scores the answers.
        watch: Is told of progress.
    """

    def __init__(
        self, pool: Pool, settings: Settings, journal: Journal, caller: Caller, evaluator: Evaluator, watch: Watch
    ) -> None:
        self._pool, self._settings, self._journal = pool, settings, journal
        self._caller, self._evaluator, self._watch = caller, evaluator, watch

    def outcomes(self, name: str, items: Sequence[Item], pairs: Sequence[Pair] | None) -> list[Outcome]:
        """The outcomes of pairs (item, expert), of all of them where none are named.

        Args:
            name: The round.
            items: Its questions.
            pairs: Who answers what.
        """
        known = self._journal.find("scored", name)
        if known is None:
            outcomes = [asdict(outcome) for outcome in self._ask(name, items, pairs)]
            known = {"outcomes": outcomes, "evaluator": self._evaluator.state()}
            if not self._caller.out_of_money:
                self._journal.add("scored", name, **known)
        self._evaluator.restore(known["evaluator"])
        return [Outcome(**row) for row in known["outcomes"]]

    def _ask(self, name: str, items: Sequence[Item], pairs: Sequence[Pair] | None) -> list[Outcome]:
        names, draws, most = self._pool.names, self._settings.draws, self._settings.max_tokens
        chosen = pairs if pairs is not None else [(i, j) for i in range(len(items)) for j in range(len(names))]
        requests = [
            Request(f"answer/{items[i].id}/{names[j]}/{draw}", names[j], items[i].question, most)
            for i, j in chosen
            for draw in range(draws)
        ]
        step = f"{title(name)}: asking"
        replies = self._caller.many(requests, lambda done, total: self._watch(step, done, total))
        return self._evaluator.score(
            [
                Answered(items[i], names[j], tuple(replies[draws * n : draws * (n + 1)]))
                for n, (i, j) in enumerate(chosen)
            ]
        )
