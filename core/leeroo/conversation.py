"""The text that is scored, built from a conversation: `scored_text`.

The predictor learned from single questions, so whatever stands beside one moves its prediction. An earlier topic half
as long as the question cost 0.01 to 0.03 of the pairs in the right order, a longer one up to 0.23, tools written out
0.02 to 0.05. So a turn that stands by itself is scored alone, and only one that does not gets what it needs. It gets
that whole: half of the first part of a question helped no more than nothing. How much a text says is counted in content
units, which need no list of any language's words. `benchmarks/conversations.py` measures it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, TypeVar

Role = Literal["system", "user", "assistant", "tool"]
M = TypeVar("M")

STANDS_ALONE = 5
"""Content units from which on a turn is a question of its own: at most 9% of the questions of our tables have fewer."""
REPLY = 12
"""The same for what follows a word like "OK" or a question back: it may be the rest of what was asked before."""
PLENTY = 24
"""Content units beyond which nobody counts on; an answer with as many is more than a question back."""
LONG = 16_000
"""Characters of a turn that is read by its ends: more than any text has that the predictor learned from."""
END = 400
"""Characters kept of an end of a long turn: an instruction stands before or after what it is about."""
SIDE = 80
"""Characters of its other end, where one end is plainly the instruction."""
BACK = 20
"""Messages that are looked through for what a follow-up is about."""
SYSTEM = 150
"""Characters of the system prompt."""
RESULT = 200
"""Characters of a tool's result."""
TOOLS = 8
"""Tools that are named."""

_NO_SPACES = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_IDEOGRAM = re.compile("[\u30a0-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_SYLLABLE = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
# Words of function are short in most languages; numbers are content at any length, Korean words from two syllables on.
_WORD = re.compile(rf"[^\W\d_{_NO_SPACES}\uac00-\ud7af]{{4,}}|[\uac00-\ud7af]{{2,}}|\d+")
_ASKS = ("?", "\uff1f", "\u061f", "\u037e")
"""Question marks: Latin, full width, Arabic, Greek."""
_DATA = 0.15
"""Share of symbols from which on a text is data or code: three quarters of our questions have less than 0.12."""
_SYMBOL, _BLACK = re.compile(r"[^\w\s]"), re.compile(r"\S")
_INSTRUCTION = 2.0
"""Content units that an instruction has at least: "Answer:" is none."""
_SAMPLE = 2_000
"""Characters that are counted of a text at most."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation, whatever framework it comes from.

    Attributes:
        role: Who speaks.
        text: What can be read of it; media and tool calls are none.
    """

    role: Role
    text: str


def scored_text(
    messages: Sequence[M],
    read: Callable[[M], Turn],
    *,
    tools: Iterable[str] = (),
    tied: bool = False,
) -> str:
    """What the predictor reads of a conversation; of a single turn of the user the turn itself.

    Args:
        messages: The conversation, the newest message last.
        read: Translates one of them; called for those only that are looked at, the newest first.
        tools: Names of the tools that are offered.
        tied: The request goes on with the expert whose tool calls it answers, whatever is predicted: the text stays
            what it was before the tool's result, and its vector is at hand.

    Returns:
        The newest turn of the user, and a bounded text beside it where it does not stand by itself. Where no user
        speaks, the newest text; "" where there is none.
    """
    back = (read(message) for message in reversed(messages))
    result, task = _task(back)
    if task is None:
        newest = (read(message).text for message in reversed(messages))
        return condensed(next((text for text in newest if text.strip()), ""))
    parts = [task, *_earlier(task, islice(back, BACK))]
    bare = sum(content(part, STANDS_ALONE) for part in parts) < STANDS_ALONE
    first = read(messages[0])
    if first.role == "system" and (bare or _is_data(task)):
        parts.append(first.text.strip()[:SYSTEM])
    parts = [condensed(part) for part in reversed(parts)]
    if not tied:
        # What stands beside a question may take a quarter of its length.
        parts.append(result[: RESULT if bare else min(RESULT, len(task) // 4)])
    if bare:
        parts.append(", ".join(islice(filter(None, tools), TOOLS)))
    return "\n".join(filter(None, parts))


def tool_names(tools: Iterable[Any]) -> Iterator[str]:
    """The names of tools in OpenAI's form, or in one with the name at the top; others have none."""
    for tool in tools:
        if isinstance(tool, Mapping):
            function = tool.get("function")
            name = (function if isinstance(function, Mapping) else tool).get("name")
            if isinstance(name, str):
                yield name


def content(text: str, most: int = PLENTY) -> float:
    """How much a text says, in content units: about its words of four letters or more, and its numbers.

    Languages without spaces are counted by characters: two ideograms are a word, as are four letters of Thai; hiragana
    is grammar.

    Args:
        text: Any; of a long one the beginning is counted.
        most: Where counting may stop.
    """
    text = text[:_SAMPLE]
    words = sum(1 for _ in islice(_WORD.finditer(text), most))
    if words >= most or text.isascii():
        return words
    return min(most, words + len(_IDEOGRAM.findall(text)) / 2 + len(_SYLLABLE.findall(text)) / 4)


def condensed(text: str) -> str:
    """A text of at most `LONG` characters as it is; of a longer one the ends, without what is cut in two there."""
    if len(text) <= LONG:
        return text
    text = text.strip()
    head, begins = _end(text[:END])
    tail, ends = _end(text[-END:], last=True)
    asks = any(mark in head for mark in _ASKS), any(mark in tail for mark in _ASKS)
    first, second = asks if asks[0] != asks[1] else (begins, ends)
    if first and not second:
        tail = tail[-SIDE:]
    elif second and not first:
        head = head[:SIDE]
    return f"{head}\n{tail}"


def _task(back: Iterator[Turn]) -> tuple[str, str | None]:
    """The tool's result that the newest message is ("" where it is none), and the newest turn of the user."""
    result = ""
    for i, turn in enumerate(back):
        if turn.role == "tool" and i == 0:
            result = turn.text.strip()
        elif turn.role == "user" and turn.text.strip():
            return result, turn.text
    return result, None


def _earlier(task: str, back: Iterable[Turn]) -> Iterator[str]:
    """The user's turns that the newest one needs to be understood, the newest first."""
    said, length = -1.0, 0
    answer: str | None = None
    for turn in back:
        if turn.role == "user" and turn.text.strip():
            said = content(task) if said < 0 else said
            if length > LONG or (said >= STANDS_ALONE and _answered(turn.text, answer, said)):
                return
            yield turn.text
            said, length, answer = said + content(turn.text), length + len(turn.text), None
        elif turn.role in ("assistant", "tool") and not answer:
            answer = turn.text.strip()


def _answered(asked: str, answer: str | None, said: float) -> bool:
    """Whether what was asked before was answered, so that the newest turn begins something new.

    Args:
        asked: The turn before.
        answer: What was said between, None where the user spoke twice, "" where it was no text.
        said: Content of the newest turn.
    """
    if answer is None:
        return False
    if not answer or said >= REPLY:
        return True
    if answer.endswith(_ASKS):
        return content(answer) >= PLENTY
    # "OK" and "Paris" look alike; a question is hardly answered by the one, nor an announcement by the other.
    return content(answer) > 2 or any(map(str.isdigit, answer)) or asked.rstrip().endswith(_ASKS)


def _is_data(text: str) -> bool:
    """Whether a text is code, a table or the like, of which only an instruction says what is to be done with it."""
    sample = text[:_SAMPLE]
    return len(_SYMBOL.findall(sample)) > _DATA * len(_BLACK.findall(sample)) and not text.rstrip().endswith(_ASKS)


def _end(piece: str, *, last: bool = False) -> tuple[str, bool]:
    """The paragraphs of one end of a text that make a question, and whether a paragraph begins or ends there.

    Args:
        piece: The text's first or last characters.
        last: It is the last ones.
    """
    mark = "\n\n" if "\n\n" in piece else "\n"
    paragraphs = piece.split(mark)
    whole = paragraphs[1:][::-1] if last else paragraphs[:-1]
    kept: list[str] = []
    for paragraph in whole:
        kept.append(paragraph)
        if content(" ".join(kept)) >= _INSTRUCTION:
            return mark.join(kept[::-1] if last else kept).strip(), True
    return piece.strip(), False
