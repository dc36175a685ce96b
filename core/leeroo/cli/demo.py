"""`leeroo demo`: real questions to two real local LLMs, one decision after another, and what they cost.

The one place of the core that uses the adapters: it shows them where they are installed, so it imports them when it
runs.
"""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

from leeroo.budget import Budget, budget
from leeroo.cli.demo_page import Page, first_words
from leeroo.endpoints.openai_compatible import ask
from leeroo.errors import LeerooError
from leeroo.money import show_usd
from leeroo.pool.experts import Expert
from leeroo.pool.prices import Price
from leeroo.routing.router import Router

MAX_TOKENS = 48
"""Output cap of every question: the demo is to end soon on two cores."""

LEAST = Budget(min_quality=0.3)
"""What the demo asks of every answer, where a question says nothing else: little, for little is expected of models as
small as these."""

PRICES = {"smollm2-135m": Price(input=0.02, output=0.04), "gemma3-270m": Price(input=0.2, output=0.4)}
"""Illustrative, USD per 1M tokens: ten to one, as between a small and a large hosted model."""


@dataclass(frozen=True)
class Question:
    """One question of the demo.

    Attributes:
        text: The question.
        right: A word that a right answer holds; empty where no word decides.
        budget: What this call asks for.
        note: What the question is there to show.
    """

    text: str
    right: str = ""
    budget: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


QUESTIONS = (
    Question("What is the capital of France?", "Paris"),
    Question("Which animal is known as the king of the jungle?", "lion"),
    Question("What is the chemical symbol for iron?", "Fe"),
    Question("On which continent is Egypt?", "Africa"),
    Question("Is a whale a fish or a mammal?", "mammal"),
    Question("What gas do plants take in from the air for photosynthesis?", "carbon dioxide"),
    Question("What is the capital of Germany?", "Berlin", {"min_quality": 0.1}, "min_quality=0.1"),
    Question("What is the currency of Japan?", "yen", {"tolerance": 0.3}, "tolerance=0.3"),
    Question("What is the capital of Spain?", "Madrid", {"willingness_to_pay": 0.001}, "willingness_to_pay=0.001"),
    Question("What is the largest planet in our solar system?", "Jupiter", {"min_quality": 0.9}, "min_quality=0.9"),
    Question("Name the largest ocean on Earth.", "Pacific", {"max_cost": 0.000005}, "max_cost=0.000005"),
    Question("Summarise the plot of Hamlet in one sentence.", "", {"max_cost": 1e-7}, "max_cost=0.0000001"),
)
"""Chosen so that each shows something; the answers are whatever the models say."""

SECOND = Question("What is the capital of Japan? Answer with one word only.", "Tokyo", {"min_quality": 0.05})
"""One whose cheap answer is right and not as it was asked for: the second expert's is."""


@dataclass(frozen=True)
class Line:
    """A question and what came of it.

    Attributes:
        question: The question.
        record: The call's record, with `error` where there was no answer.
        answer: The answer, or the error's message.
        seconds: From the question to the answer.
    """

    question: Question
    record: dict[str, Any]
    answer: str
    seconds: float

    @property
    def is_right(self) -> bool | None:
        """Whether the answer holds the right word; None where no word decides."""
        if not self.question.right or "error" in self.record:
            return None
        return re.search(rf"\b{re.escape(self.question.right)}\b", self.answer, re.IGNORECASE) is not None


def run(console: Console, *, as_json: bool = False) -> None:
    """Run the demo.

    Args:
        console: Where to print.
        as_json: Print the calls' records as JSON instead of text.

    Raises:
        MissingDependency: The local models are not installed; the message says what to install.
    """
    from leeroo.endpoints import local

    page = Page(Console(quiet=True) if as_json else console)
    began = time.perf_counter()
    with page.console.status("Starting two local LLMs ..."):
        running = local.experts()
        started = running.__enter__()
    try:
        experts = {name: expert.model_copy(update={"price": PRICES[name]}) for name, expert in started.items()}
        router = Router(experts, budget=LEAST)
        page.title(experts, time.perf_counter() - began, LEAST)
        lines = []
        for number, question in enumerate(QUESTIONS, start=1):
            lines.append(_ask(router, question))
            page.decision(number, lines[-1])
        records = [line.record for line in lines]
        records += _second_opinion(page, router)
        records += _frameworks(page, experts)
        records += _failover(page, router, running)
    finally:
        running.__exit__(None, None, None)
    if as_json:
        print(json.dumps(records, indent=2))  # noqa: T201 - machine-readable
    else:
        page.money(records, experts, lines, time.perf_counter() - began)


def _ask(router: Router, question: Question) -> Line:
    began = time.perf_counter()
    try:
        answer = ask(router, question.text, Budget(**question.budget), max_tokens=MAX_TOKENS)
    except LeerooError as error:
        record = {**(getattr(error, "record", None) or {}), "error": str(error)}
        return Line(question, record, str(error), time.perf_counter() - began)
    return Line(question, answer.record, answer.text, answer.seconds)


def is_one_word(answer: str) -> bool:
    """What the second opinion's question asks of its answer."""
    return len(answer.split()) == 1


def _second_opinion(page: Page, router: Router) -> list[dict[str, Any]]:
    """A question that is asked once, and then with `consult` and a check of the answer; the records."""
    from leeroo.consult.equivalence import Equivalence
    from leeroo.consult.settings import Consulting

    page.heading("A second opinion")
    page.line(SECOND.text)
    budget = Budget(**SECOND.budget)
    once = ask(router, SECOND.text, budget, max_tokens=MAX_TOKENS)
    page.line(f"{once.record['expert']}: {first_words(once.text)} ({show_usd(once.record['cost'])})")
    page.code(
        "check = lambda text: len(text.split()) == 1",
        "ask(router, question, Budget(consult=True, ...),",
        "    consulting=Consulting(Equivalence(verify=check)))",
    )
    consulting = Consulting(Equivalence(verify=is_one_word))
    both = ask(router, SECOND.text, budget.over(Budget(consult=True)), max_tokens=MAX_TOKENS, consulting=consulting)
    for told in both.record["consult"]["asks"]:
        page.line(f"{told['expert']} is asked: {'fails the check' if told['cluster'] is None else 'passes'}")
    page.line(f"{both.record['expert']}: {first_words(both.text)} ({show_usd(both.record['cost'])} for all asks)")
    return [once.record, both.record]


def _frameworks(page: Page, experts: dict[str, Expert]) -> list[dict[str, Any]]:
    """The same pool through each framework that is installed, one call each; the records."""
    records = []
    page.heading("The same pool in your framework")
    question = "What do bees make?"
    try:
        from langchain_leeroo import ChatLeeroo
    except ImportError:
        page.line("LangChain is not installed: pip install 'leeroo[langchain]'")
    else:
        page.code("llm = ChatLeeroo(experts=experts)", f'llm.invoke("{question}", min_quality={LEAST.min_quality})')
        message = ChatLeeroo(experts=experts, max_tokens=MAX_TOKENS).invoke(question, min_quality=LEAST.min_quality)
        records.append(message.response_metadata["leeroo"])
        page.line(f"{records[-1]['expert']}: {first_words(str(message.content))}")
    question = "What is the chemical symbol for water?"
    try:
        from llamaindex_leeroo import Leeroo
    except ImportError:
        page.line("LlamaIndex is not installed: pip install 'leeroo[llamaindex]'")
    else:
        page.code(
            "with leeroo.budget(max_cost=0.0001) as spent:",
            "    llm = Leeroo(experts=experts)",
            f'    llm.complete("{question}")',
        )
        with budget(max_cost=0.0001) as spent:
            answer = Leeroo(experts=experts).complete(question, max_tokens=MAX_TOKENS)
        records.append(answer.additional_kwargs["leeroo"])
        said = first_words(str(answer.text))
        page.line(f"{records[-1]['expert']}: {said} (spent.cost = {show_usd(spent.cost)})")
    return records


def _failover(page: Page, router: Router, running: Any) -> list[dict[str, Any]]:
    """Stop the expert that was preferred for a question, and ask it again; the records."""
    question = Question("What is the capital of Italy?", "rome", {"tolerance": 0.02})
    first = _ask(router, question)
    preferred = first.record.get("expert")
    if preferred is None:
        return [first.record]
    running.stop(preferred)
    second = _ask(router, question)
    page.heading("A model goes down")
    page.line(f"{question.text} goes to {preferred}. Its server is stopped; asked again:")
    for attempt in second.record.get("attempts", ()):
        what = f"failed ({attempt['error']})" if attempt["error"] else "answered"
        page.line(f"{attempt['expert']} {what} after {attempt['latency']:.2f} s")
    page.line(first_words(second.answer))
    return [first.record, second.record]
