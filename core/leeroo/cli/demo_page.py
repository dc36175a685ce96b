"""How the demo looks: a few lines per decision at any width, in a terminal or a log, and the money as bars."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from rich.console import Console
from rich.text import Text

from leeroo.budget import Budget
from leeroo.money import to_usd
from leeroo.pool.experts import Expert
from leeroo.visible import visible_lines

MOST_WIDTH = 100
"""Columns: longer lines are hard to read."""
MANY = 1_000_000
"""Single calls cost too little to be read; what so many of them would cost is a sum that people know."""
WORDS = 22
"""Words of an answer that are shown."""


class Asked(Protocol):
    """What the page needs of a question."""

    @property
    def text(self) -> str:
        """The question."""
        ...

    @property
    def note(self) -> str:
        """What the question is there to show."""
        ...


class Shown(Protocol):
    """What the page needs of a question that was asked."""

    @property
    def question(self) -> Asked:
        """The question."""
        ...

    @property
    def record(self) -> dict[str, Any]:
        """The call's record."""
        ...

    @property
    def answer(self) -> str:
        """The answer, or the error's message."""
        ...

    @property
    def seconds(self) -> float:
        """From the question to the answer."""
        ...

    @property
    def is_right(self) -> bool | None:
        """Whether the answer is right, None where nobody can say."""
        ...


class Page:
    """Prints the demo.

    Args:
        console: Where to.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.width = min(console.width, MOST_WIDTH)

    def title(self, experts: Mapping[str, Expert], seconds: float, least: Budget) -> None:
        """What runs, and how to read what follows."""
        self._print(Text(f"Two LLMs run on this machine ({seconds:.1f} s to start):"))
        for expert in experts.values():
            price = expert.known_price
            text = f"{expert.name}: ${price.input:g} in, ${price.output:g} out per 1M tokens"
            self.line(text)
        self._print(
            Text(
                f"These prices are illustrative. Wanted: a predicted quality of {least.min_quality:g}, as cheap as it "
                "can be had. Costs are shown per million such calls."
            )
        )

    def decision(self, number: int, line: Shown) -> None:
        """One question: what each expert would be worth and cost, who was chosen and why, and the answer."""
        head = Text(f"\n{number}. ", "bold").append(line.question.text)
        if line.question.note:
            head.append(f"  ({line.question.note})", "dim")
        self._print(head)
        record = line.record
        candidates = record.get("candidates", ())
        longest = max((len(c["expert"]) for c in candidates), default=0)
        for candidate in candidates:
            self._candidate(candidate, record.get("expert"), longest)
        if "error" in record:
            self.line("No call was made, and nothing was spent:", "yellow")
            self.line(line.answer)
            return
        self.line(f"Rule: {record['rule']}.", "dim")
        self._answer(line)

    def heading(self, text: str) -> None:
        """A heading of what follows."""
        self._print(Text(f"\n{text}", "bold"))

    def line(self, text: str, style: str = "") -> None:
        """An indented paragraph."""
        self._print(Text(text, style), 3)

    def code(self, *lines: str) -> None:
        """Lines of a program."""
        for line in lines:
            indent = len(line) - len(line.lstrip())
            self._print(Text(line.lstrip(), "cyan"), 5 + indent)

    def money(
        self,
        records: Sequence[dict[str, Any]],
        experts: Mapping[str, Expert],
        lines: Sequence[Shown],
        seconds: float,
    ) -> None:
        """What the answers cost, and what the same tokens would have cost from each expert alone, as bars."""
        answered = [r for r in records if r.get("output_tokens") is not None]
        spent = {"as chosen": sum(r["cost"] for r in answered)}
        for expert in experts.values():
            price = expert.known_price
            nano = sum(price.cost(r["input_tokens"], r["output_tokens"]) for r in answered)
            spent[f"all by {expert.name}"] = to_usd(nano)
        self.heading(f"The money: {len(answered)} answers, per million such calls")
        self._bars({name: cost * MANY / max(1, len(answered)) for name, cost in spent.items()})
        told = [line.is_right for line in lines if line.is_right is not None]
        self._print(Text(f"\n{sum(told)} of {len(told)} answers were right. {seconds:.0f} s in all."))
        self._print(
            Text(
                "Next: `leeroo init` writes a pool of your own models, `leeroo chat` talks to it, and "
                "`leeroo explain TEXT` shows one decision in full."
            )
        )

    def _candidate(self, candidate: Mapping[str, Any], chosen: str | None, longest: int) -> None:
        is_chosen = candidate["expert"] == chosen
        mark = ">" if is_chosen else " "
        cost = f"${candidate['expected_cost'] * MANY:.2f}"
        text = f"{mark} {candidate['expert']:<{longest}}  quality {candidate['quality']:.2f}  {cost:>6}"
        if candidate["ineligible"]:
            text += f"  {candidate['ineligible'].split(':')[0]}"
        self.line(text, "bold green" if is_chosen else "dim" if candidate["ineligible"] else "")

    def _answer(self, line: Shown) -> None:
        mark = {True: "right", False: "wrong", None: ""}[line.is_right]
        style = {True: "green", False: "red", None: ""}[line.is_right]
        text = Text(f'"{first_words(line.answer)}"')
        if mark:
            text.append(f"  {mark}", style)
        text.append(f"  ${line.record['cost'] * MANY:.2f}, {line.seconds:.1f} s", "dim")
        self._print(text, 3)

    def _bars(self, sums: Mapping[str, float]) -> None:
        name, money = max(map(len, sums)), max(len(f"${value:.2f}") for value in sums.values())
        room = max(4, min(self.width, 80) - name - money - 8)
        most = max(sums.values()) or 1.0
        block = "#" if self.console.options.ascii_only else "█"
        for label, value in sums.items():
            bar = block * max(1, round(room * value / most))
            style = "green" if label == "as chosen" else "blue"
            text = Text(f"{label:<{name}}  ").append(bar, style).append(f"  ${value:.2f}")
            self._print(text, 3)

    def _print(self, what: Text, indent: int = 0) -> None:
        """A paragraph, its lines without blanks at the end: logs keep those."""
        for line in what.wrap(self.console, self.width - indent):
            line.rstrip()
            self.console.print(Text(" " * indent).append_text(line), highlight=False, soft_wrap=True)


def first_words(text: str) -> str:
    """The beginning of an answer, on one line."""
    words = visible_lines(text).split()
    return " ".join(words[:WORDS]) + (" ..." if len(words) > WORDS else "")
