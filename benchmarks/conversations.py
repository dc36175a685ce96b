"""Whether the text built from a conversation is worth it: `python benchmarks/conversations.py DIR... [--queries 100]`.

Questions of outcome tables are put into conversations that do not change how hard they are, and each is predicted from
the last line alone, from everything that was said, and from what `leeroo.conversation` builds. `order` is the share of
expert pairs with different scores on a query that the prediction puts in the right order, the mean over queries; the
levels of the experts were fitted without the queries asked about. Prints a table, and the same as JSON to a file.
"""

import argparse
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leeroo.conversation import Turn, scored_text
from leeroo.evaluation.crossval import ordered
from leeroo.evaluation.whole import Study
from leeroo.prediction import load
from leeroo.prediction.knowledge import KindsPredictor
from leeroo.prediction.response import ResponsePredictor

FOLLOW_UPS = (
    "and now?",
    "please continue",
    "もう一度",
    "why?",
    "Can you explain that in more detail?",
    "继续",
    "What about the other one?",
    "Und noch einmal bitte?",
)
GO_ON = ("OK.", "Go on.", "はい。", "What else should I know?")
ANSWER = "The most important points are these: first the circumstances, second the reasons, and third the consequences."
BOILERPLATE = "You are a helpful, honest assistant. Answer in the language of the user and be concise."
DOCUMENT = 24_000
"""Characters of a pasted document."""
DRAWS = 500
_SENTENCE = re.compile(r"(?:[.!?]\s+|[。？！]\s*|\n+)")


@dataclass(frozen=True)
class Case:
    """One conversation around a question.

    Attributes:
        turns: What is said.
        tools: Names of the tools that come with it.
        schemas: The same written out, for the predictions that read everything.
    """

    turns: list[Turn]
    tools: tuple[str, ...] = ()
    schemas: str = ""

    def last_line(self) -> str:
        """The user's newest turn."""
        return next(turn.text for turn in reversed(self.turns) if turn.role == "user")

    def everything(self) -> str:
        """All that an expert would read."""
        return "\n".join([*(turn.text for turn in self.turns), self.schemas]).strip()

    def built(self) -> str:
        """What Leeroo reads."""
        return scored_text(self.turns, lambda turn: turn, tools=self.tools)


Maker = Callable[[str, str, int], Case | None]
"""From a question, text of other tables, and the question's number; None where the question does not fit."""


def user(text: str) -> Turn:
    return Turn("user", text)


def follow_up(question: str, other: str, i: int) -> Case:
    return Case([user(question), Turn("assistant", ANSWER), user(FOLLOW_UPS[i % len(FOLLOW_UPS)])])


def split(question: str, other: str, i: int) -> Case | None:
    ends = [found.end() for found in _SENTENCE.finditer(question.strip()) if found.end() < len(question.strip())]
    if not ends:
        return None
    first, second = question[: ends[-1]], question[ends[-1] :]
    return Case([user(first), Turn("assistant", GO_ON[i % len(GO_ON)]), user(second)])


def new_topic(question: str, other: str, i: int) -> Case:
    return Case([user(other[:600]), Turn("assistant", ANSWER), user(question)])


def in_system(question: str, other: str, i: int) -> Case | None:
    instruction, _, data = question.strip().partition("\n\n")
    return Case([Turn("system", instruction), user(data)]) if data.strip() else None


def boilerplate(question: str, other: str, i: int) -> Case:
    return Case([Turn("system", BOILERPLATE), user(question)])


def _named(other: str) -> list[str]:
    words = re.findall(r"[a-z]{5,}", other.lower())[:12] or ["anything"]
    return [f"get_{'_'.join(words[at : at + 2])}" for at in range(0, len(words), 3)]


def with_tools(question: str, other: str, i: int) -> Case:
    names = _named(question)
    fields = {"type": "object", "properties": {"name": {"type": "string"}, "limit": {"type": "integer"}}}
    schemas = [{"name": n, "description": n.replace("_", " "), "parameters": fields} for n in names]
    return Case([user(question)], tuple(names), json.dumps(schemas))


def loop(question: str, other: str, i: int) -> Case:
    begun = with_tools(question, other, i)
    result = json.dumps({"status": "ok", "total": i, "items": other[:1000].split()})
    return Case([*begun.turns, Turn("assistant", ""), Turn("tool", result)], begun.tools, begun.schemas)


def after_document(question: str, other: str, i: int) -> Case:
    return Case([user(f"{other[:DOCUMENT]}\n\n{question}")])


def before_document(question: str, other: str, i: int) -> Case:
    return Case([user(f"{question}\n\n{other[:DOCUMENT]}")])


CASES: dict[str, Maker] = {
    "follow-up": follow_up,
    "question in two turns": split,
    "after another topic": new_topic,
    "instruction in the system prompt": in_system,
    "a usual system prompt": boilerplate,
    "with tools": with_tools,
    "after a tool's result": loop,
    "question after a document": after_document,
    "question before a document": before_document,
}
WAYS: dict[str, Callable[[Case], str]] = {
    "last line": Case.last_line,
    "everything": Case.everything,
    "built": Case.built,
}


class Orders:
    """Orders of single queries, from texts; every text is encoded once."""

    def __init__(self, study: Study, known: KindsPredictor, predictor: ResponsePredictor) -> None:
        self.study, self.known, self.predictor = study, known, predictor
        self.encoded: dict[str, np.ndarray] = {}

    def __call__(self, table: int, rows: Sequence[int], texts: Sequence[str]) -> np.ndarray:
        """The order of each of a table's queries when these texts are read in its place."""
        study = self.study
        first = int(np.flatnonzero(study.corpus.table == table)[0])
        fresh = [text for text in dict.fromkeys(texts) if text not in self.encoded]
        self.encoded |= zip(fresh, self.predictor.encode(fresh), strict=False)
        kept = study.vectors
        # `asked` takes queries by their places among the study's vectors: here stand those of other texts.
        study.vectors = np.stack([self.encoded[text] for text in texts])
        predicted = study.asked(self.known, study.tables[table], np.arange(len(texts))).quality
        study.vectors = kept
        scores = study.tables[table].scores.astype(np.float64)
        return np.array([ordered(p[None], scores[[row - first]]) for p, row in zip(predicted, rows, strict=True)])


def others(study: Study, table: int, rng: np.random.Generator) -> str:
    """Text of other tables, as long as a document."""
    foreign = rng.permutation(np.flatnonzero(study.corpus.table != table))
    text = ""
    for at in foreign:
        text += study.corpus.queries[at] + "\n\n"
        if len(text) > DOCUMENT:
            break
    return text


def measured(study: Study, order: Orders, queries: int) -> Iterator[dict[str, object]]:
    """Every case with the orders of every way, the mean over tables, and 95% intervals of the differences."""
    for name, make in CASES.items():
        found: dict[str, list[np.ndarray]] = {way: [] for way in (*WAYS, "alone")}
        asked = 0
        for table in range(len(study.tables)):
            rng = np.random.default_rng(table)
            rows = rng.permutation(np.flatnonzero((study.corpus.table == table) & (study.fold == 0)))
            cases = []
            for i, row in enumerate(rows):
                case = make(study.corpus.queries[row], others(study, table, rng), i)
                cases += [(row, case)] if case is not None else []
                if len(cases) == queries:
                    break
            if not cases:
                continue
            at = [row for row, _ in cases]
            for way, text in WAYS.items():
                found[way].append(order(table, at, [text(case) for _, case in cases]))
            found["alone"].append(order(table, at, [study.corpus.queries[row] for row in at]))
            asked += len(at)
        yield {"case": name, "queries": asked, **_figures(found)}


def _figures(found: dict[str, list[np.ndarray]]) -> dict[str, object]:
    def mean(way: str, drawn: list[np.ndarray]) -> float:
        return float(np.mean([np.nanmean(one[at]) for one, at in zip(found[way], drawn, strict=True)]))

    whole = [np.arange(len(one)) for one in found["built"]]
    figures: dict[str, object] = {way: round(mean(way, whole), 3) for way in found}
    rng = np.random.default_rng(0)
    gains = []
    for _ in range(DRAWS):
        drawn = [rng.integers(0, len(one), len(one)) for one in found["built"]]
        gains.append(mean("built", drawn) - mean("last line", drawn))
    figures["built - last line"] = [round(float(q), 3) for q in np.quantile(gains, (0.025, 0.975))]
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="+", type=Path)
    parser.add_argument("--artifact", type=Path)
    parser.add_argument("--queries", type=int, default=100, help="of each table, at most, in each case")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    predictor = load(given.artifact)
    study = Study(given.tables, predictor)
    order = Orders(study, study.fitted(study.fold != 0), predictor)
    print("| case | queries | last line | everything | built | 95% of built - last line | the question alone |")
    print("|---|---|---|---|---|---|---|")
    rows = []
    for row in measured(study, order, given.queries):
        rows.append(row)
        low, high = row["built - last line"]
        print(
            f"| {row['case']} | {row['queries']} | {row['last line']:.3f} | {row['everything']:.3f} "
            f"| {row['built']:.3f} | {low:+.3f} to {high:+.3f} | {row['alone']:.3f} |",
            flush=True,
        )
    if given.out:
        given.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
