"""What a fair small model would say to the prompts of LlamaIndex's engines and agents."""

import json

from tests.openai_server import value

PARIS = "Paris is the capital of France."
NAMES = "'Paris' " * 9
"""What texts in tool arguments and structured answers are taken from."""


def answer(body):
    last = body["messages"][-1]
    schema = (body.get("response_format") or {}).get("json_schema")
    if schema:
        return json.dumps(value(schema["schema"], NAMES))
    handed_over = last["role"] == "tool" and "is now handling" in _text(last)
    if last["role"] == "tool" and not handed_over:
        return f"The tool said {_text(last)}."
    if body.get("tools") and (body.get("tool_choice") not in (None, "auto", "none") or "add" in _text(last)):
        function = body["tools"][0]["function"]
        if function["name"] == "handoff":
            return [("handoff", {"to_agent": "second", "reason": "it adds"})]
        return [(function["name"], value(function["parameters"], NAMES))]
    text = "\n".join(_text(message) for message in body["messages"])
    for mark, reply in RULES:
        if mark in text:
            return reply(_text(last)) if callable(reply) else reply
    return PARIS


def _react(last):
    if "Observation:" in last:
        return "Thought: I can answer without using any more tools.\nAnswer: five"
    return 'Thought: I need a tool.\nAction: add\nAction Input: {"a": 2, "b": 3}'


def _code(last):
    return "The sum is 5." if "Result" in last or "Output" in last or "5" in last else "<execute>print(2 + 3)</execute>"


SUB_QUESTIONS = '```json\n{"items": [{"sub_question": "What is the capital?", "tool_name": "docs"}]}\n```'
RULES = [
    ("Action Input:", _react),
    ("<execute>", _code),
    ("sub questions", SUB_QUESTIONS),
    ("sub-questions", SUB_QUESTIONS),
    ("YES or NO", "YES"),
    ("Answer YES", "YES"),
    ("Either YES/ NO", "YES"),
]


def _text(message):
    content = message.get("content") or ""
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)
