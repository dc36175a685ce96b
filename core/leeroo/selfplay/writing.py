"""An expert of the pool writes questions; kept are those whose stated answer it finds again when asked afresh."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from leeroo.errors import ConfigError
from leeroo.outcomes.matchers import MATCHERS
from leeroo.selfplay.calls import Caller, Request
from leeroo.selfplay.domains import Check, Domain
from leeroo.selfplay.items import Item
from leeroo.selfplay.judge import rate

MOST_CALLS = 3
"""Requests per cell and round; a writer that brings nothing new is not asked again in the round."""
SHOWN_EXAMPLES = 4
_TOKENS_EACH = 160
_LEAST_AGREEMENT = 0.5
_LEVEL = {1: "easy: most people can answer", 2: "of medium difficulty", 3: "hard: only experts can answer"}
_FORM: dict[Check, str] = {
    "exact": "The answer is one to four words that nobody could put otherwise.",
    "numeric": "The answer is one number.",
    "units": "The answer is one number with its unit.",
    "choice": "Each question ends with four options on lines A., B., C., D.; the answer is the right one's letter.",
    "code": "Each question asks for a Python function with a given name and says exactly what it returns. The answer "
    'is a string of three assert statements that test it, one per line. Add "solution": the function\'s code.',
    "judge": "The answer is a model answer in full.",
    "consensus": "Each question has one short right answer. The answer is that one.",
    "function": "The answer is a model answer in full.",
}


@dataclass(frozen=True, slots=True)
class Written:
    """Items an expert wrote, and what became of the rest.

    Attributes:
        items: Those that are new and well formed.
        broken: Entries, or whole answers, that were not of the form asked for.
        repeated: Entries that were there before.
        failed: Requests that brought no answer.
    """

    items: tuple[Item, ...]
    broken: int = 0
    repeated: int = 0
    failed: int = 0


def write(
    caller: Caller,
    expert: str,
    name: str,
    domain: Domain,
    difficulty: int,
    count: int,
    *,
    key: str,
    seen: set[str],
    seed: int,
) -> Written:
    """Have questions of one domain and difficulty written.

    Args:
        caller: Asks the expert.
        expert: Who writes.
        name: The domain's name.
        domain: What they are about.
        difficulty: 1 .. 3.
        count: How many are wanted.
        key: Names the requests in the journal.
        seen: Questions that there are; new ones are added.
        seed: Of the choice of examples and passages.
    """
    items: list[Item] = []
    broken = repeated = failed = 0
    for number in range(MOST_CALLS):
        missing = count - len(items)
        if missing <= 0:
            break
        random = Random(f"{seed}/{key}/{number}")  # noqa: S311 - which examples to show
        passage = random.choice(domain.material) if domain.material else ""
        prompt = _prompt(domain, difficulty, missing, passage, random)
        reply = caller.many([Request(f"write/{key}/{number}", expert, prompt, _TOKENS_EACH * missing + 100)])[0]
        if reply.text is None:
            failed += 1
            break
        entries = _entries(reply.text)
        broken += not entries
        before = len(items)
        for entry in entries[:missing]:
            item = _item(entry, name, domain, difficulty, passage, expert)
            if item is None:
                broken += 1
            elif item.question in seen:
                repeated += 1
            else:
                seen.add(item.question)
                items.append(item)
        if len(items) == before:
            break
    return Written(tuple(items), broken, repeated, failed)


def confirm(
    caller: Caller, expert: str, judge: str, items: Sequence[Item], domains: dict[str, Domain], max_tokens: int
) -> list[bool]:
    """Which items' own answers survive: asked afresh, the writer gives the stated answer again.

    For `code` the writer's solution has passed its tests already; for `consensus` nothing is stated that could be
    checked. Open answers are compared by the judge.
    """
    fresh = [i for i, item in enumerate(items) if item.check not in ("code", "consensus")]
    requests = [Request(f"confirm/{items[i].id}", expert, items[i].question, max_tokens) for i in fresh]
    kept = [True] * len(items)
    compared: list[tuple[int, str]] = []
    for i, reply in zip(fresh, caller.many(requests), strict=True):
        check = items[i].check
        if not reply.text:
            kept[i] = False
        elif check in MATCHERS:
            kept[i] = MATCHERS[check](reply.text, items[i].answer)
        else:
            compared.append((i, reply.text))
    rubrics = {name: domain.rubric for name, domain in domains.items() if domain.rubric}
    asked = [(f"confirm/{items[i].id}", items[i], items[i].answer, text) for i, text in compared]
    for (i, _), rating in zip(compared, rate(caller, judge, asked, rubrics), strict=True):
        kept[i] = rating is not None and rating >= _LEAST_AGREEMENT
    return kept


def _prompt(domain: Domain, difficulty: int, count: int, passage: str, random: Random) -> str:
    check: Check = domain.check or "judge"
    parts = [
        f"Write {count} different questions, {_LEVEL[difficulty]}.",
        f"Subject: {domain.description}",
        *([f"Style: {domain.style}"] if domain.style else []),
        _FORM[check],
    ]
    if domain.examples:
        shown = random.sample(domain.examples, min(SHOWN_EXAMPLES, len(domain.examples)))
        parts.append("Questions of the same kind; write others:\n" + "\n".join(f"- {text}" for text in shown))
    if passage:
        parts.append(f"Each question is answered by this text, which will be shown with it:\n{passage}")
    parts.append('Reply with JSON only: a list of objects such as {"question": "...", "answer": "..."}.')
    return "\n\n".join(parts)


def _entries(text: str) -> list[dict[str, object]]:
    """The objects of a JSON list, wherever it stands; of a list that breaks off, those that are whole."""
    decoder = json.JSONDecoder()
    found, at = [], 0
    while (start := text.find("{", at)) >= 0:
        try:
            value, at = decoder.raw_decode(text, start)
        except ValueError:
            at = start + 1
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def _item(
    entry: dict[str, object], name: str, domain: Domain, difficulty: int, passage: str, expert: str
) -> Item | None:
    """The item of an entry, None where the entry is not of the form asked for."""
    check: Check = domain.check or "judge"
    question, answer = entry.get("question"), entry.get("answer")
    if isinstance(answer, int | float) and not isinstance(answer, bool):
        answer = str(answer)
    if not isinstance(question, str) or not isinstance(answer, str) or not question.strip() or not answer.strip():
        return None
    if not _well_formed(check, answer.strip(), question, str(entry.get("solution", ""))):
        return None
    text = f"{passage}\n\n{question.strip()}" if passage else question.strip()
    return Item(text, answer.strip(), check, name, difficulty, expert)


def _well_formed(check: Check, answer: str, question: str, solution: str) -> bool:
    if check == "code":
        return "assert" in answer and MATCHERS["code"](solution, answer) and not MATCHERS["code"]("", answer)
    if check == "choice":
        return (
            re.fullmatch(r"[A-Za-z]", answer) is not None and re.search(rf"^\W*{answer}\b", question, re.M) is not None
        )
    try:
        # An answer that its own matcher does not accept can never be found right.
        return MATCHERS[check](answer, answer) if check in MATCHERS else True
    except ConfigError:
        return False
