"""Broken pool files and result files: whatever the bytes are, reading them ends in a value or in a LeerooError."""

import random
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from leeroo import LeerooError
from leeroo.outcomes.importers import import_outcomes
from leeroo.pool.file import read_pool

POOL = b"""experts:
  small: &small
    model: openai:gpt-4o-mini
    base_url: http://127.0.0.1:8000/v1
    api_key_env: MY_KEY
    headers: {x-team: a}
    price: {input: 0.05, output: 0.40, cached_input: 0.005, request: 0.1, tiers: [{above: 1000, input: 1, output: 2}]}
    context_window: 8192
    max_output_tokens: 100
    capabilities: [tools, structured_output, vision, streaming]
    benchmark: {mmlu_pro: 0.61}
    latency: {first_token: 0.2, per_token: 0.01}
    timeout: 20
    stop: ["END"]
  large: {<<: *small, model: "anthropic:claude-sonnet-4-5", traits: Yi-6B, tokenizer: cl100k_base}
reference: large
budget: {max_cost: 0.02, tolerance: 0.02, max_latency: 2.5, scope: acme/team}
ledger: memory
"""
PLAIN = b"""query,expert,score,domain,prompt_tokens,completion_tokens
What is 1+1?,a,1,math,5,10
What is 1+1?,b,0,math,5,12
"Who wrote ""Faust""?",a,0.5,letters,7,3
"""
LINES = b"""{"query": "What is 1+1?", "expert": "a", "score": 1, "domain": "math"}
{"query": "What is 1+1?", "expert": "b", "score": 0.25, "completion_tokens": 12}
"""
HARNESS = b"""{"doc_id": 0, "doc": {"question": "What is 1+1?"}, "target": "2", "arguments": [["What is 1+1?", "2"]], \
"resps": [["2"]], "filtered_resps": ["2"], "acc": 1.0}
"""
MMLU_PRO = b"""[{"question_id": 70, "question": "What is 1+1?", "options": ["1", "2"], "answer": "B", \
"answer_index": 1, "category": "math", "pred": "B", "model_outputs": "The answer is (B)."}]
"""
PRICES = {"a": (0.1, 0.2), "b": (0.1, 0.2), "model": (0.1, 0.2)}
TOKENS = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b": ", b"- ", b"{", b"}", b"[", b"]", b"&a ", b"*a", b"<<: *small",
    b"!!int ", b"!!binary ", b"!!timestamp ", b"? ", b"|\n", b"%YAML 9.9\n", b"---\n", b"...\n", b"null", b"~",
    b".nan", b".inf", b"-1", b"1e999", b"9" * 400, b"0x", b"2026-02-30", b"\t", b"\r", b'"', b"'", b"\\", b"true",
    b"''", b"\xf0\x9f\xa6\x98", b",,,",
)  # fmt: skip


def pool(data: bytes, folder: Path) -> None:
    """Read bytes as a pool file."""
    (folder / "pool.yaml").write_bytes(data)
    read_pool(folder / "pool.yaml")


def importer(form: str, ending: str) -> Callable[[bytes, Path], None]:
    """A reader of bytes as results of a format."""

    def read(data: bytes, folder: Path) -> None:
        file = folder / f"results.{ending}"
        file.write_bytes(data)
        import_outcomes([file], form, name="fuzz", expert="model", prices=PRICES)

    return read


TARGETS: dict[str, tuple[Callable[[bytes, Path], None], bytes]] = {
    "pool": (pool, POOL),
    "plain csv": (importer("plain", "csv"), PLAIN),
    "plain jsonl": (importer("plain", "jsonl"), LINES),
    "lm-eval": (importer("lm-eval", "jsonl"), HARNESS),
    "mmlu-pro": (importer("mmlu-pro", "json"), MMLU_PRO),
}


def mutated(data: bytes, dice: random.Random) -> bytes:
    """A few bytes changed, cut, doubled, or replaced by what parsers dislike."""
    out = bytearray(data)
    for _ in range(dice.randint(1, 6)):
        at, length = dice.randrange(len(out) + 1), dice.randint(1, 12)
        way = dice.randrange(6)
        if way == 0 and out:
            out[min(at, len(out) - 1)] = dice.randrange(256)
        elif way == 1:
            del out[at : at + length]
        elif way == 2:
            out[at:at] = dice.choice(TOKENS)
        elif way == 3:
            out[at : at + length] = dice.choice(TOKENS)
        elif way == 4:
            out[at:at] = out[at : at + 4 * length]
        else:
            del out[at:]
    return bytes(out)


def fuzz(folder: Path, *, seed: int, inputs: int | None = None, seconds: float = float("inf")) -> dict[str, Any]:
    """Read mutated inputs.

    Args:
        folder: Where the files go.
        seed: Of the mutations.
        inputs: How many of each target, None for as many as there is time.
        seconds: Time for all.

    Returns:
        How readings ended by target, and `crashes`: (target, input, traceback) of what was no LeerooError.
    """
    dice, began = random.Random(seed), time.monotonic()
    ends: dict[str, Counter[str]] = {name: Counter() for name in TARGETS}
    crashes: list[tuple[str, bytes, str]] = []
    slowest = 0.0
    made = 0
    while (inputs is None or made < inputs) and time.monotonic() - began < seconds:
        made += 1
        for name, (read, data) in TARGETS.items():
            given = mutated(data, dice)
            start = time.process_time()
            try:
                read(given, folder)
                ends[name]["read"] += 1
            except LeerooError:
                ends[name]["refused"] += 1
            except Exception:
                ends[name]["crashed"] += 1
                crashes.append((name, given, traceback.format_exc(limit=-4)))
            slowest = max(slowest, time.process_time() - start)
    return {
        "seed": seed,
        "inputs": made * len(TARGETS),
        "seconds": round(time.monotonic() - began, 1),
        "slowest_cpu_seconds": round(slowest, 3),
        "ends": {name: dict(count) for name, count in ends.items()},
        "crashes": crashes,
    }
