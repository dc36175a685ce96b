"""Pairs of long answers to one question, marked as the same answer or another, from two public collections.

    python benchmarks/equivalence_pairs.py --mmlu-pro eval_results --zeroeval result_dirs --out pairs.jsonl

`eval_results` is that folder of github.com/TIGER-AI-Lab/MMLU-Pro, `result_dirs` that of github.com/WildEval/ZeroEval
(both Apache-2.0). An answer is what a model wrote before it stated its result; whether two are the same is told by the
results. `--only DIR...` keeps to the questions of outcome tables. The pairs hold texts: they are not part of Leeroo,
which ships a few numbers that `leeroo equivalence` fits on them.
"""

import argparse
import json
import random
import re
import sys
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from leeroo.consult.readings import number_of, read
from leeroo.outcomes.table import OutcomeTable

Answers = dict[tuple[str, str], list[tuple[str, str]]]
"""Of (set, question): what each model wrote, and the result that it stated."""
STATED = re.compile(r"answer is:?\s*\(?\**\(?([A-J])\b", re.IGNORECASE)
SETS = ("gsm", "math-l5", "crux")
OPTIONS = re.compile(r"\n[A-J]\. .*", re.DOTALL)


def of_mmlu_pro(folder: Path) -> Iterator[tuple[str, str, str, str]]:
    """(set, question, text, result) of chains of thought, without the sentence that states the letter."""
    for path in sorted(folder.glob("*.zip")):
        archive = zipfile.ZipFile(path)
        name = next(one for one in archive.namelist() if one.endswith(".json") and "__MACOSX" not in one)
        rows = json.loads(archive.read(name))
        for row in filter(lambda one: isinstance(one, dict), rows):
            text = row.get("model_outputs") or row.get("generated_text")
            found = STATED.search(text) if isinstance(text, str) else None
            if found:
                before = text[: found.start()]
                shown = before[: max(before.rfind("."), before.rfind("\n")) + 1].strip()
                yield "mmlu-pro", row["question"], shown, found.group(1).upper()


def of_zeroeval(folder: Path) -> Iterator[tuple[str, str, str, str]]:
    """(set, question, text, result) of reasonings; results are compared as Leeroo compares short answers."""
    for name in SETS:
        for path in sorted((folder / name).glob("*.json")):
            for row in json.loads(path.read_text(encoding="utf-8")):
                question = row.get("question") or row.get("problem") or ""
                told = _answer_of(row["output"])
                if told is not None and isinstance(told.get("reasoning"), str):
                    result = _result(name, str(told.get("answer", "")))
                    if result is not None:
                        yield name, question, told["reasoning"].strip(), result


def _result(name: str, answer: str) -> str | None:
    """What an answer comes to; of word problems the number alone, since some models state its unit and some do not."""
    if name == "gsm":
        number = number_of(answer)
        return None if number is None else str(float(number.replace(",", "")))
    return re.sub(r"[\s$]|\\[ ,;!]|\\left|\\right", "", answer).replace("\\dfrac", "\\frac").strip("\"'.") or None


def _answer_of(output: Any) -> dict[str, Any] | None:
    text = str(output[0] if isinstance(output, list) and output else output)
    found = re.search(r"\{.*\}", text, re.DOTALL)
    try:
        told = json.loads(found.group(0), strict=False) if found else None
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def pairs(answers: Answers, per_question: int, seed: int) -> Iterator[dict[str, Any]]:
    """Random pairs of the long answers to each question."""
    rng = random.Random(seed)
    for (group, question), written in sorted(answers.items()):
        long = [(text, result) for text, result in written if read(text, question) is None and text]
        rng.shuffle(long)
        for (one, told), (other, also) in list(zip(long[::2], long[1::2], strict=False))[:per_question]:
            yield {"group": group, "question": question, "one": one, "other": other, "same": told == also}


def main() -> None:
    """Read both collections, and write pairs of as many questions of each set as asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--mmlu-pro", type=Path)
    parser.add_argument("--zeroeval", type=Path)
    parser.add_argument("--only", type=Path, nargs="*", default=[])
    parser.add_argument("--questions", type=int, default=400)
    parser.add_argument("--per-question", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    allowed = {OPTIONS.sub("", text).strip() for path in given.only for text in OutcomeTable.read(path).queries}
    answers: Answers = defaultdict(list)
    sources = [given.mmlu_pro and of_mmlu_pro(given.mmlu_pro), given.zeroeval and of_zeroeval(given.zeroeval)]
    for source in filter(None, sources):
        for group, question, text, result in source:
            if not allowed or question.strip() in allowed:
                answers[group, question.strip()].append((text, result))
    rng, chosen = random.Random(given.seed), {}
    for name in sorted({group for group, _ in answers}):
        keys = sorted(key for key in answers if key[0] == name)
        chosen |= {key: answers[key] for key in rng.sample(keys, min(given.questions, len(keys)))}
    counts: dict[tuple[str, bool], int] = defaultdict(int)
    with given.out.open("w", encoding="utf-8") as file:
        for pair in pairs(chosen, given.per_question, given.seed):
            counts[pair["group"], pair["same"]] += 1
            file.write(json.dumps(pair, ensure_ascii=False) + "\n")
    json.dump({f"{group}, {'same' if same else 'different'}": n for (group, same), n in counts.items()}, sys.stdout)


if __name__ == "__main__":
    main()
