"""What kinds of work are called, and which of them need tools."""

from collections.abc import Mapping

LABELS: Mapping[str, str] = {
    "zeroeval": "math and code to reason about",
    "bfcl": "tool calls",
    "korbench": "puzzles with rules of their own",
    "pmllm22": "long analyst work",
    "pmllm3": "long analyst work, hard",
    "shaberi_gpt41": "Japanese chat",
    "shaberi_gpt51": "Japanese chat, strict judge",
    "speechmap": "political criticism in English, Chinese, Finnish",
    "mmlu": "school and exam knowledge",
    "mmlu-pro": "hard exam questions",
    "mixed": "short tasks of many sorts",
}
"""Kinds of work in plain words, by the table they were learned from: what the table holds, and in which language."""
TOOL_CALLS = frozenset({"bfcl"})
"""Kinds of work that need tools: their questions alone look like any other's."""
WITH_TOOLS, WITHOUT_TOOLS = 3.0, 0.02
"""How much likelier such a kind is where tools are bound, and where none are."""
