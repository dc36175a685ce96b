"""`leeroo demo`: real questions to two real local LLMs through LangChain and LlamaIndex, and what each call cost.

The one place of the core that uses the adapters: it shows them, so it imports them when it runs.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from leeroo.budget import budget
from leeroo.errors import LeerooError, MissingDependency
from leeroo.money import show_usd

MAX_TOKENS = 48
"""Output cap of every question: the demo is to end soon on two cores."""


@dataclass(frozen=True)
class Question:
    """One line of the demo.

    Attributes:
        text: The question.
        kwargs: Budget kwargs of the call.
        note: What the line is there to show.
    """

    text: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    note: str = ""


QUESTIONS = (
    Question("What is the capital of France?", {"min_quality": 0.5}, "min_quality=0.5"),
    Question("What is 7 + 5?"),
    Question("Which planet is known as the Red Planet?"),
    Question("Who wrote the play Romeo and Juliet?"),
    Question("What gas do plants take in from the air for photosynthesis?"),
    Question("Is a whale a fish or a mammal?"),
    Question("In which year did the Second World War end?"),
    Question("Write a polite one-sentence reply that declines a meeting.", {"tolerance": 0.1}, "tolerance=0.1"),
    Question("Write a Python expression that reverses the string s.", {"willingness_to_pay": 0.001}, "worth $0.001"),
    Question("What is the chemical symbol for gold?", {"min_quality": 0.8}, "min_quality=0.8"),
    Question("Name the largest ocean on Earth.", {"max_cost": 0.00001}, "max_cost=$0.00001 lowers the output cap"),
    Question("Summarise the plot of Hamlet in one sentence.", {"max_cost": 0.0000001}, "a budget that no expert fits"),
)


def run(console: Console, *, as_json: bool = False) -> None:
    """Run the demo.

    Args:
        console: Where to print.
        as_json: Print the calls' records as JSON instead of tables.

    Raises:
        MissingDependency: An extra is missing; the message says which.
    """
    try:
        from langchain_leeroo import ChatLeeroo
        from llamaindex_leeroo import Leeroo
    except ImportError as error:
        raise MissingDependency(
            f"The demo needs {error.name}: pip install 'leeroo[langchain,llamaindex,local]'"
        ) from None
    from leeroo.endpoints import local

    records: list[dict[str, Any]] = []
    quiet = Console(quiet=True) if as_json else console
    began = time.perf_counter()
    with quiet.status("Starting two local experts on llama.cpp ..."):
        running = local.experts()
        experts = running.__enter__()
    try:
        chat = ChatLeeroo(experts=experts, max_tokens=MAX_TOKENS)
        names = list(experts)
        quiet.print(f"Two local experts are up ({time.perf_counter() - began:.1f} s): {', '.join(names)}.\n")
        lines = _ask_all(chat, records)
        _show(quiet, names, lines)
        _show_llamaindex(quiet, Leeroo, experts, records)
        _show_failover(quiet, chat, running, records)
    finally:
        running.__exit__(None, None, None)
    if as_json:
        print(json.dumps(records, indent=2))  # noqa: T201 - machine-readable
    else:
        _sum_up(console, records, time.perf_counter() - began)


@dataclass(frozen=True)
class Line:
    """A question and what came of it."""

    question: Question
    record: dict[str, Any]
    answer: str
    seconds: float


def _ask_all(chat: Any, records: list[dict[str, Any]]) -> Iterator[Line]:
    for question in QUESTIONS:
        yield _ask(chat, question, records)


def _ask(chat: Any, question: Question, records: list[dict[str, Any]]) -> Line:
    began = time.perf_counter()
    try:
        answer = chat.invoke(question.text, **question.kwargs)
    except LeerooError as error:
        record = getattr(error, "record", None) or {}
        record = {**record, "error": str(error)}
        records.append(record)
        return Line(question, record, str(error), time.perf_counter() - began)
    record = answer.response_metadata["leeroo"]
    records.append(record)
    return Line(question, record, str(answer.content), time.perf_counter() - began)


def _show(console: Console, names: list[str], lines: Iterator[Line]) -> None:
    table = Table(title="LangChain: ChatLeeroo(experts=...).invoke(question, **budget)", expand=True)
    table.add_column("question", ratio=4)
    for name in names:
        table.add_column(f"{name}\nquality · cost", justify="right", no_wrap=True)
    table.add_column("choice, and why", ratio=3)
    table.add_column("answer", ratio=4)
    table.add_column("cost\ntime", justify="right", no_wrap=True)
    with Live(Group(table), console=console, refresh_per_second=4, vertical_overflow="visible"):
        for line in lines:
            judged = {c["expert"]: c for c in line.record.get("candidates", ())}
            note = f"\n[dim]{escape(line.question.note)}[/dim]" if line.question.note else ""
            table.add_row(
                line.question.text + note,
                *(_judged(judged.get(name)) for name in names),
                _why(line.record),
                escape(_first_words(line.answer, 30 if "error" in line.record else 14)),
                f"{show_usd(line.record.get('cost', 0.0))}\n{line.seconds:.1f} s",
                end_section=True,
            )


def _show_failover(console: Console, chat: Any, running: Any, records: list[dict[str, Any]]) -> None:
    """Stop the expert that was preferred for a question, and ask it again."""
    question = Question("What is the capital of Italy?")
    preferred = _ask(chat, question, records).record.get("expert")
    if preferred is None:
        return
    running.stop(preferred)
    line = _ask(chat, question, records)
    console.print(
        f"\n[bold]Failover.[/bold] {question.text!r} goes to {preferred}. Its server is stopped; asked again:"
    )
    for attempt in line.record.get("attempts", ()):
        what = f"failed ({attempt['error']})" if attempt["error"] else "answered"
        console.print(f"  {attempt['expert']}: {what} after {attempt['latency']:.2f} s, {show_usd(attempt['cost'])}")
    console.print(f"  answer: {escape(_first_words(line.answer, 20))}")


def _show_llamaindex(
    console: Console, leeroo_class: Any, experts: dict[str, Any], records: list[dict[str, Any]]
) -> None:
    """The same pool through LlamaIndex, in three lines."""
    question = "What is the boiling point of water in degrees Celsius?"
    with budget(max_cost=0.0001) as spent:
        llm = leeroo_class(experts=experts)
        answer = llm.complete(question, max_tokens=MAX_TOKENS)
    record = answer.additional_kwargs["leeroo"]
    records.append(record)
    console.print("\n[bold]LlamaIndex[/bold], the same pool in three lines:")
    console.print(
        "  with leeroo.budget(max_cost=0.0001) as spent:\n      llm = Leeroo(experts=experts)", highlight=False
    )
    console.print(f"      llm.complete({question!r})", highlight=False)
    text = escape(_first_words(str(answer.text), 20))
    console.print(f"  {record['expert']}: {text}  (spent.calls={spent.calls}, spent.cost={show_usd(spent.cost)})")


def _sum_up(console: Console, records: list[dict[str, Any]], seconds: float) -> None:
    answered = [r for r in records if r.get("reference_cost") is not None]
    cost = sum(r.get("cost", 0.0) for r in records)
    reference = sum(r["reference_cost"] for r in answered)
    share = f", {100 * (1 - cost / reference):.0f}% less" if reference else ""
    name = answered[0]["reference_expert"] if answered else "none"
    console.print(
        f"\n{len(answered)} answers cost {show_usd(cost)}. The reference expert, {name}, alone would have "
        f"cost {show_usd(reference)} for the same tokens{share}. {seconds:.0f} s in all.\n"
        "The prices of the local experts are illustrative. `leeroo explain TEXT` shows one decision in full."
    )


def _judged(candidate: dict[str, Any] | None) -> str:
    if candidate is None:
        return "-"
    if candidate["ineligible"]:
        return f"[dim]{candidate['quality']:.2f} · not eligible[/dim]"
    return f"{candidate['quality']:.2f} · {show_usd(candidate['expected_cost'])}"


def _why(record: dict[str, Any]) -> str:
    if "error" in record:
        return "[red]no call made[/red]"
    adequate = "" if record["adequate"] else " [yellow](not adequate)[/yellow]"
    return f"[bold]{record['expert']}[/bold]{adequate}\n[dim]{escape(record['rule'])}[/dim]"


def _first_words(text: str, words: int) -> str:
    every = text.split()
    return " ".join(every[:words]) + (" ..." if len(every) > words else "")
