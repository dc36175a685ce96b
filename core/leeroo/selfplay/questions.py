"""A round's questions: verified ones made, others written by an expert, none that was there before."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from random import Random

from leeroo.selfplay import generation
from leeroo.selfplay.calls import Caller
from leeroo.selfplay.domains import Domain
from leeroo.selfplay.items import Item
from leeroo.selfplay.journal import Journal
from leeroo.selfplay.settings import Settings
from leeroo.selfplay.state import State
from leeroo.selfplay.writing import confirm, write

Watch = Callable[[str, int, int], None]
"""(step, done, total): called as the run goes on."""
HELD_OUT = "held-out"


class Questions:
    """Makes the questions of a run.

    Args:
        state: What the run knows.
        domains: By name.
        settings: Of the run.
        caller: Asks the writer and the judge.
        journal: Where questions are written down.
        writer: Expert that writes.
        judge: Expert that compares open answers.
        watch: Is told of progress.

    Attributes:
        notes: What became of written questions.
    """

    def __init__(
        self,
        state: State,
        domains: Mapping[str, Domain],
        settings: Settings,
        caller: Caller,
        journal: Journal,
        *,
        writer: str,
        judge: str,
        watch: Watch,
    ) -> None:
        self._state, self._domains, self._settings = state, dict(domains), settings
        self._caller, self._journal, self._watch = caller, journal, watch
        self._writer, self._judge = writer, judge
        self.notes: Counter[str] = Counter()

    def make(self, name: str, count: int) -> list[Item]:
        """The questions of a round, or of the held-out part: evenly there, aimed in rounds."""
        known = self._journal.find("items", name)
        if known is not None:
            self.notes = Counter(known["notes"])
            return [Item(**row) for row in known["items"]]
        held = name == HELD_OUT
        counts = (
            generation.evenly(self._domains, count)
            if held
            else generation.aim(self._domains, count, self._state.records)
        )
        earlier = [*self._state.held_out.values(), *self._state.items.values()]
        seen = {item.question for item in earlier}
        beliefs = list(self._state.lesson().beliefs.values())
        found: list[Item] = []
        for place, ((domain, level), wanted) in enumerate(counts.items()):
            self._watch(f"{title(name)}: generating", place, len(counts))
            key, family = f"{name}/{domain}/{level}", self._domains[domain].family
            if family is None:
                made = self._written(domain, level, wanted, key, seen, [*earlier, *found])
            else:
                random = Random(f"{self._settings.seed}/{key}")  # noqa: S311 - reproducible questions
                more = 1 if held else generation.OVERSAMPLE
                made = generation.verified(domain, family, level, more * wanted, seen, random)
            if len(made) > wanted and not held:
                chosen = generation.pick(self._state.inputs(made), beliefs, wanted, self._settings.seed)
                made = [made[i] for i in chosen]
            found += made[:wanted]
        self._watch(f"{title(name)}: generating", len(counts), len(counts))
        if not self._caller.out_of_money:
            self._journal.add("items", name, items=[asdict(item) for item in found], notes=dict(self.notes))
        return found

    def _written(
        self, domain: str, level: int, wanted: int, key: str, seen: set[str], earlier: Sequence[Item]
    ) -> list[Item]:
        """Questions that an expert wrote: new in meaning, too, and with answers that survive."""
        if not wanted:
            return []
        given, seed = self._domains[domain], self._settings.seed
        written = write(self._caller, self._writer, domain, given, level, wanted, key=key, seen=seen, seed=seed)
        same = [item for item in earlier if item.domain == domain]
        new = generation.fresh(self._state.vectors(written.items), self._state.vectors(same))
        unlike = [item for item, is_new in zip(written.items, new, strict=True) if is_new]
        survived = confirm(self._caller, self._writer, self._judge, unlike, self._domains, self._settings.max_tokens)
        kept = [item for item, good in zip(unlike, survived, strict=True) if good]
        self.notes.update(
            {
                "written": len(written.items),
                "malformed": written.broken,
                "repeated": written.repeated + len(written.items) - len(unlike),
                "did not survive checking": len(unlike) - len(kept),
                "generator failed": written.failed,
            }
        )
        return kept


def title(name: str) -> str:
    """A part of the run, for people."""
    return "held-out part" if name == HELD_OUT else f"round {name}"
