"""What the rows of result files mean: one reader per published format."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leeroo.errors import ConfigError, did_you_mean
from leeroo.pool.tokens import BYTES_PER_TOKEN


@dataclass(frozen=True, slots=True)
class Row:
    """One outcome as a file states it.

    Attributes:
        query: The text.
        expert: Who answered.
        score: 0..1.
        domain: Subject or task.
        prompt_tokens: None where the file does not say.
        completion_tokens: None where the file does not say.
        answer: What was said; tables keep which answers are the same, and no text.
    """

    query: str
    expert: str
    score: float
    domain: str = ""
    prompt_tokens: float | None = None
    completion_tokens: float | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that was left out.

    Attributes:
        file: Its file, and the member inside where the file is a zip.
        line: Its line or, in a JSON array or a Parquet file, its number; from 1.
        reason: What is wrong with it.
    """

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


Columns = Mapping[str, str]
Records = Iterator[tuple[int, Any]]
Reader = Callable[[Records, str, str | None, Columns], Iterator[Row | Skipped]]


class _OffScaleError(ValueError):
    """A number that is no score: the file's scale is another one, so its other numbers are none either."""


def _each(records: Records, label: str, read: Callable[[dict[str, Any]], Iterable[Row]]) -> Iterator[Row | Skipped]:
    for line, record in records:
        if not isinstance(record, dict):
            reason = f"not valid JSON: {record}" if isinstance(record, ValueError) else "not an object"
            yield Skipped(label, line, reason)
            continue
        try:
            found = list(read(record))
        except _OffScaleError as error:
            raise ConfigError(
                f"{label}:{line}: {error}. Bring scores to that scale (percent / 100, grades of 1 to 5 less 1, / 4): "
                "of a file on another, only the lowest would be read, and as if they were of this one."
            ) from None
        except KeyError as error:
            yield Skipped(label, line, f"has no {error.args[0]!r}.{did_you_mean(str(error.args[0]), map(str, record))}")
        except (TypeError, ValueError, IndexError, AttributeError) as error:
            yield Skipped(label, line, str(error) or type(error).__name__)
        else:
            yield from found


def score_of(value: object) -> float:
    """A score 0..1 from what files hold: numbers, booleans, "True", "correct".

    Raises:
        ValueError: It is none.
    """
    words = {"true": 1.0, "false": 0.0, "correct": 1.0, "incorrect": 0.0, "yes": 1.0, "no": 0.0}
    text = str(value).strip().lower()
    try:
        score = words[text] if text in words else float(text)
    except ValueError:
        score = math.nan
    if math.isnan(score):
        raise ValueError(f"score {value!r} is no number")
    if not 0 <= score <= 1:
        raise _OffScaleError(f"score {value!r} is not between 0 and 1")
    return score


def _text_of(value: object) -> str:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str) or not value.strip():
        raise ValueError("the query is not a non-empty text")
    return value.strip()


def _said(given: object) -> str | None:
    return None if given is None else str(given)


def _plain(records: Records, label: str, expert: str | None, columns: Columns) -> Iterator[Row | Skipped]:
    def read(record: dict[str, Any]) -> Iterator[Row]:
        def get(ours: str) -> Any:
            return record[columns.get(ours, ours)]

        def tokens(ours: str) -> float | None:
            value = record.get(columns.get(ours, ours))
            return None if value in (None, "") else float(value)

        yield Row(
            query=_text_of(get("query")),
            expert=expert or str(get("expert")),
            score=score_of(get("score")),
            domain=str(record.get(columns.get("domain", "domain")) or ""),
            prompt_tokens=tokens("prompt_tokens"),
            completion_tokens=tokens("completion_tokens"),
            answer=_said(record.get(columns.get("answer", "answer"))),
        )

    yield from _each(records, label, read)


_METRICS = ("exact_match", "acc_norm", "acc", "pass@1", "pass_at_1", "score", "em", "f1", "prompt_level_strict_acc")


def _lm_eval(records: Records, label: str, expert: str | None, columns: Columns) -> Iterator[Row | Skipped]:
    path = Path(label)
    name = expert or path.parent.name.replace("__", "/")
    task = path.stem.removeprefix("samples_")
    task = task.split("_20")[0]

    def read(record: dict[str, Any]) -> Iterator[Row]:
        metric = columns.get("score") or next((m for m in _METRICS if m in record), None)
        if metric is None:
            raise ValueError(f"has none of the metrics {', '.join(_METRICS)}; name it with --column score=...")
        doc = record.get("doc") or {}
        key = columns.get("query") or next(
            (k for k in ("question", "query", "problem", "input", "prompt") if k in doc), None
        )
        text = doc[key] if key in doc else _argument(record["arguments"])
        answer = record.get("resps")
        said = answer[0][0] if answer and isinstance(answer[0][0], str) else None
        length = None if said is None else len(said) / BYTES_PER_TOKEN
        yield Row(_text_of(text), name, score_of(record[metric]), str(doc.get("subject") or task), None, length, said)

    yield from _each(records, label, read)


def _argument(arguments: Any) -> Any:
    """The prompt: older files hold lists, newer ones `{"gen_args_0": {"arg_0": prompt}}`."""
    if isinstance(arguments, dict):
        first = arguments["gen_args_0"]
        return first["arg_0"] if isinstance(first, dict) else first[0]
    return arguments[0][0]


def _mmlu_pro(records: Records, label: str, expert: str | None, columns: Columns) -> Iterator[Row | Skipped]:
    name = expert or Path(label).stem.removeprefix("model_outputs_").removesuffix("_5shots")

    def read(record: dict[str, Any]) -> Iterator[Row]:
        letters = "ABCDEFGHIJ"
        options = "".join(f"\n{letters[i]}. {option}" for i, option in enumerate(record["options"]))
        right = str(record["answer"]).strip().upper()
        if right not in letters or not right:
            raise ValueError(f"the answer {record['answer']!r} is not a letter from A to J")
        output = record.get("model_outputs") or record.get("generated_text")
        length = len(str(output)) / BYTES_PER_TOKEN if output else None
        chosen = str(record["pred"] or "").strip().upper()
        score, domain = float(chosen == right), str(record.get("category") or "")
        yield Row(_text_of(record["question"]) + options, name, score, domain, None, length, chosen)

    yield from _each(records, label, read)


def _routellm(records: Records, label: str, expert: str | None, columns: Columns) -> Iterator[Row | Skipped]:
    domain = Path(label).stem.removeprefix("mmlu_").removesuffix("_responses")

    def read(record: dict[str, Any]) -> Iterator[Row]:
        query = _text_of(record["prompt"])
        models = [
            m for m in record if m and m != "prompt" and not m.endswith("_response") and not m.startswith("Unnamed")
        ]
        if not models:
            raise ValueError("has no column of a model beside 'prompt'")
        yield from [Row(query, m.split("/")[-1], score_of(record[m]), domain) for m in models]

    yield from _each(records, label, read)


def _routerbench(records: Records, label: str, expert: str | None, columns: Columns) -> Iterator[Row | Skipped]:
    def read(record: dict[str, Any]) -> Iterator[Row]:
        query = _text_of(_first_of_list(record["prompt"]))
        models = [c.removesuffix("|model_response") for c in record if c and c.endswith("|model_response")]
        if not models:
            raise ValueError("has no column that ends with '|model_response'")
        domain = str(record.get("eval_name") or "")
        known = [m for m in models if record.get(m) not in (None, "")]
        yield from [
            Row(query, m, score_of(record[m]), domain, None, len(said) / BYTES_PER_TOKEN, said)
            for m in known
            for said in (str(record[f"{m}|model_response"]),)
        ]

    yield from _each(records, label, read)


def _routereval(records: Records, label: str, expert: str | None, columns: Columns) -> Iterator[Row | Skipped]:
    def read(record: dict[str, Any]) -> Iterator[Row]:
        query, scores = _text_of(record["prompt"]), record["scores"]
        names = record.get("models") or [f"model-{j}" for j in range(len(scores))]
        domain = Path(label).stem.removesuffix("_router_dataset")
        yield from [Row(query, name, score_of(s), domain) for name, s in zip(names, scores, strict=True)]

    yield from _each(records, label, read)


def _first_of_list(prompt: Any) -> Any:
    """RouterBench writes a prompt as the text of a list of one or more strings."""
    if isinstance(prompt, str) and prompt.lstrip().startswith("["):
        import ast

        try:
            parts = ast.literal_eval(prompt)
        except (ValueError, SyntaxError):
            return prompt
        return "\n".join(str(part) for part in parts)
    return prompt


FORMATS: dict[str, Reader] = {
    "lm-eval": _lm_eval,
    "mmlu-pro": _mmlu_pro,
    "routellm": _routellm,
    "routerbench": _routerbench,
    "routereval": _routereval,
    "plain": _plain,
}
"""Readers by the name of their format."""
