"""The loop: each round generates queries, chooses who answers which, scores the answers, learns, and measures."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from leeroo.budget import Budget, budget
from leeroo.errors import BudgetExceeded, ConfigError
from leeroo.evaluation.learned_consult import keep, learn_from
from leeroo.evaluation.promotion import promote
from leeroo.ledger.memory import Ledger, MemoryLedger
from leeroo.money import to_nano, to_usd
from leeroo.pool.pool import Pool
from leeroo.pool.tokens import count_text
from leeroo.prediction.response import ResponsePredictor, load
from leeroo.prediction.versions import Versions
from leeroo.selfplay import updating
from leeroo.selfplay.answering import Answering
from leeroo.selfplay.calls import Caller
from leeroo.selfplay.domains import Domains, verified_families
from leeroo.selfplay.evaluation import LEAST_VOTERS, Evaluator
from leeroo.selfplay.items import Float32, Item, Outcome, as_table
from leeroo.selfplay.journal import Journal
from leeroo.selfplay.measuring import always, measure
from leeroo.selfplay.orchestration import Pair, choose
from leeroo.selfplay.questions import HELD_OUT, Questions, Watch, title
from leeroo.selfplay.result import Result
from leeroo.selfplay.settings import Settings, check_run, differs, identity
from leeroo.selfplay.state import State

PROGRESS = 1e-3
"""Nats of held-out cross entropy that a round must win to count as progress."""


def run(
    pool: Pool,
    domains: Domains | None = None,
    *,
    out: str | Path,
    max_cost: float | None = None,
    settings: Settings | None = None,
    artifact: str | Path | None = None,
    rule: Budget | None = None,
    ledger: Ledger | None = None,
    watch: Watch | None = None,
) -> Result:
    """Run the loop, or go on with one that was stopped or killed.

    `out` then holds the journal, the versioned artifacts (`leeroo.prediction.load(out / "artifacts")`), and the outcome
    tables `outcomes` and `held-out`.

    Args:
        pool: The experts.
        domains: What the queries are about; the verified families when absent.
        out: The run's folder.
        max_cost: USD, hard cap on all that the run spends, restarts included.
        settings: Everything else.
        artifact: Predictor to begin from; the one that ships when absent.
        rule: How the measured router chooses.
        ledger: Where calls are charged; in memory when absent.
        watch: Is told of progress.

    Raises:
        ConfigError: Something cannot be used as given, or the folder holds a run of other settings.
        RunInProgress: Another loop works on the folder.
        BudgetExceeded: The money does not pay for the held-out part.
    """
    settings, domains = settings or Settings(), domains or verified_families()
    who = check_run(pool, domains, settings)
    folder = Path(out)
    with Journal(folder) as journal:
        now = identity(pool, domains, settings, str(artifact or ""))
        before = journal.find("run", "identity")
        subject = differs(before, now) if before else None
        if subject:
            raise ConfigError(
                f"{folder}: holds a run whose {subject} was another; rounds and max_cost may change, for anything else "
                "give another --out."
            )
        if before is None:
            journal.add("run", "identity", **now)
        caller = Caller(pool, journal, ledger or MemoryLedger(), scope=settings.scope, workers=settings.workers)
        left = None if max_cost is None else to_usd(max(0, to_nano(max_cost) - caller.nano))
        with budget(max_total_cost=left):
            loop = _Loop(pool, domains, folder, settings, who, journal, caller, artifact, rule or Budget(), watch)
            return loop.go()


class _Loop:
    """One start of a run. What the journal holds is taken from there; the rest is done, and written there."""

    def __init__(
        self,
        pool: Pool,
        domains: Domains,
        folder: Path,
        settings: Settings,
        who: tuple[str, str],
        journal: Journal,
        caller: Caller,
        artifact: str | Path | None,
        rule: Budget,
        watch: Watch | None,
    ) -> None:
        self.pool, self.domains, self.folder, self.settings = pool, domains.domains, folder, settings
        self.journal, self.caller, self.rule = journal, caller, rule
        self.watch: Watch = watch or (lambda step, done, total: None)
        self.versions = Versions(folder / "artifacts")
        # What the pool file says of an expert is in the artifact from the start, under the expert's own name.
        plain = {e.name: e.model_copy(update={"traits": None, "benchmark": None}) for e in pool}
        own = Pool(plain, reference=pool.reference)
        self.state = State(folder.resolve().name or "selfplay", own, self._start(artifact))
        writer, judge = who
        self.evaluator = Evaluator(self.domains, caller, judge)
        self.answering = Answering(pool, settings, journal, caller, self.evaluator, self.watch)
        self.questions = Questions(
            self.state, self.domains, settings, caller, journal, writer=writer, judge=judge, watch=self.watch
        )

    def go(self) -> Result:
        """All rounds, and the result."""
        items = self.questions.make(HELD_OUT, self.settings.held_out)
        self.state.held_out = {item.id: item for item in items}
        self.held_out = as_table(HELD_OUT, items, self.answering.outcomes(HELD_OUT, items, None), self.pool)
        if np.isnan(self.held_out.scores).all():
            raise BudgetExceeded(
                "The held-out part has no scored answer: raise max_cost, or see whether the experts answer at all "
                f"({dict(self.evaluator.unscored)})."
            )
        self.held_out.write(self.folder / HELD_OUT)
        rounds = [self._finished("0") or self._measured("0", {})]
        stopped = "rounds"
        for number in range(1, self.settings.rounds + 1):
            if self.caller.out_of_money:
                break
            rounds.append(self._round(str(number)))
            if self._idle(rounds):
                stopped = f"no progress in {self.settings.patience} rounds"
                break
        calls = Counter(event["key"].split("/")[0] for event in self.journal.all("asked"))
        return Result(
            tuple(rounds),
            always(self.held_out),
            "money" if self.caller.out_of_money else stopped,
            self.caller.nano,
            dict(calls),
            dict(self.evaluator.unscored),
            self._about(),
        )

    def _round(self, name: str) -> dict[str, Any]:
        """One round; of a finished one only what the next ones need."""
        done = self._finished(name)
        begun = self.journal.find("begin", name) or self.journal.add("begin", name, version=self._current())
        if done is None:
            self.versions.use(begun["version"])  # a round that was cut off may have put its own to use
        items = self.questions.make(name, self.settings.queries)
        pairs, predicted = self._plan(name, items)
        outcomes = self.answering.outcomes(name, items, pairs)
        self.state.record(items, outcomes, predicted)
        self.state.add(items, outcomes)
        if done is None:
            return self._learn(name, len(items), pairs, outcomes)
        if done["full"] and done["promoted"]:
            self.state.rebase(load(self.versions.get(done["version"]).folder))
        return done

    def _learn(self, name: str, generated: int, pairs: Sequence[Pair], outcomes: Sequence[Outcome]) -> dict[str, Any]:
        """A candidate from all outcomes so far, put to use where the held-out part is not predicted worse."""
        more = {
            "generated": generated,
            "planned": len(pairs),
            "pairs": len(outcomes),
            "of": generated * len(self.pool),
            "spent": sum(outcome.nano for outcome in outcomes),
            "full": self.settings.learning == "full",
            "notes": dict(self.questions.notes),
        }
        if not outcomes:
            return self._measured(name, {**more, "promoted": False, "reason": "no new outcome"})
        self.watch(f"{title(name)}: learning", 0, 1)
        table, scratch = self.state.table(), self.folder / "work" / f"round-{name}"
        table.write(self.folder / "outcomes")
        if more["full"]:
            tables = (*self.settings.tables, self.folder / "outcomes")
            updating.full(tables, scratch, epochs=self.settings.epochs, seed=self.settings.seed)
        else:
            state = self.state
            vectors = state.vectors(state.items.values())
            updating.quick(state.base, state.pool, table, vectors, state.lesson(), scratch)
        consult = learn_from([self.held_out], load(scratch), ())  # what is never learned from
        if consult is not None:
            keep(consult, scratch, [f"{self.state.name}, held out"])
            more["consult"] = consult.queries
        promotion = promote(self.versions, scratch, self.held_out, note=f"self-play, round {name}")
        if more["full"] and promotion.promoted:
            self.state.rebase(load(promotion.version.folder))
        self.watch(f"{title(name)}: learning", 1, 1)
        figures = dict(promotion.version.figures)
        more |= {"promoted": promotion.promoted, "reason": promotion.reason, "candidate": figures}
        return self._measured(name, more)

    def _measured(self, name: str, more: dict[str, Any]) -> dict[str, Any]:
        """Measure the version in use, and close the round."""
        current = load(self.versions.folder)
        vectors = self._vectors(current, list(self.state.held_out.values()))
        figures = measure(current, self.state.pool, self.held_out, self.rule, vectors)
        partial = self.caller.out_of_money
        return self.journal.add("round", name, version=self._current(), partial=partial, **more, **figures)

    def _finished(self, name: str) -> dict[str, Any] | None:
        """A round's figures; None where it was never finished, or money ran out in it."""
        found = self.journal.find("round", name)
        return None if found is None or found["partial"] else found

    def _plan(self, name: str, items: Sequence[Item]) -> tuple[list[Pair], list[list[float]]]:
        """Who answers what in a round, and the quality predicted of every pair."""
        known = self.journal.find("plan", name)
        if known is None:
            current = load(self.versions.folder)
            predicted = current.predict_vectors(self._vectors(current, items), list(self.state.pool))
            tokens = np.minimum(predicted.output_tokens, self.settings.max_tokens)
            costs = [
                [e.known_price.cost(count_text(item.question, e), int(tokens[i, j])) for j, e in enumerate(self.pool)]
                for i, item in enumerate(items)
            ]
            plan = choose(
                list(self.state.lesson().beliefs.values()),
                self.state.inputs(items),
                np.array(costs, dtype=np.float64).reshape(len(items), len(self.pool)),
                share=self.settings.share,
                explore=self.settings.explore,
                seed=self.settings.seed + int(name),
                forced={i: LEAST_VOTERS for i, item in enumerate(items) if item.check == "consensus"},
            )
            known = {"pairs": plan.pairs, "predicted": predicted.quality.astype(float).tolist()}
            if not self.caller.out_of_money:  # else the questions are not all there yet
                self.journal.add("plan", name, **known)
        return [(row, column) for row, column in known["pairs"]], known["predicted"]

    def _start(self, artifact: str | Path | None) -> ResponsePredictor:
        """The predictor before the run, as a version."""
        begun = self.journal.find("start", "version")
        if begun is None:
            scratch = self.folder / "work" / "start"
            updating.starting(load(artifact), self.pool, scratch, forget=self.settings.forget)
            version = self.versions.use(self.versions.add(scratch, note="before self-play").id)
            begun = self.journal.add("start", "version", version=version.id)
        return load(self.versions.get(begun["version"]).folder)

    def _vectors(self, predictor: ResponsePredictor, items: Sequence[Item]) -> Float32:
        """The items' vectors by a predictor's encoder, which quick learning never changes."""
        if self.settings.learning == "quick":
            return self.state.vectors(items)
        return predictor.encode([item.question for item in items])

    def _current(self) -> str:
        return self.versions.get("current").id

    def _idle(self, rounds: Sequence[dict[str, Any]]) -> bool:
        """Whether the last rounds have won nothing on the held-out part."""
        losses, patience = [found["log_loss"] for found in rounds], self.settings.patience
        return len(losses) > patience and min(losses[-patience:]) > min(losses[:-patience]) - PROGRESS

    def _about(self) -> dict[str, Any]:
        return {
            "experts": [
                {"name": e.name, "model": e.model_id, "price": [e.known_price.input, e.known_price.output]}
                for e in self.pool
            ],
            "domains": {name: domain.family or domain.description for name, domain in self.domains.items()},
            "settings": self.settings.to_dict(),
            "held_out": len(self.state.held_out),
            "queries": len(self.state.items),
            "version": self._current(),
            "judge": self.evaluator.state()["calibration"],
        }
