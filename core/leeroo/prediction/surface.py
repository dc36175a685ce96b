"""What can be counted in a text: its length, its lines, digits, brackets, operators. Encoders see little of that.

The trees (`leeroo.prediction.forest`) split on it. Logarithms of counts are scaled so small that no distance between
vectors, of which they are the last part, depends on them; a tree does not mind.
"""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
_SMALL = 1e-3
_SIGNS = "\n?!=$([{\"',.:;\\/^%+*-<>|_#"
_PIECES = (*_SIGNS, "\n\n", "    ", "def ", "if ", "for ", "while ", "return", "else")
_WORDS = (" not ", " each ", " if ", " or ", " and ", " than ", " all ", " only ")
_ASKED = ("how many", "which", "probability", "find")
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,12})?")
_NUMBERS_READ = 200
_LARGE, _LONG = 1000, 8
COUNTED = 20 + len(_PIECES) + len(_WORDS) + len(_ASKED)
"""Counts of each text."""


def surface(texts: Sequence[str]) -> Float32:
    """Counts of each text, shape (texts, COUNTED).

    Args:
        texts: As the encoder reads them: without courtesies, of long ones head and tail.
    """
    counts = np.array([_counts(text) for text in texts], dtype=np.float64).reshape(len(texts), COUNTED)
    return np.asarray(np.log1p(counts) * _SMALL, dtype=np.float32)


def _counts(text: str) -> list[float]:
    words, lines, lower = text.split(), text.split("\n"), text.lower()
    numbers = [float(found) for found in _NUMBER.findall(text)[:_NUMBERS_READ]]
    different, of_words = set(words), 100 / max(len(words), 1)
    return [
        len(text),
        len(text.encode("utf-8", "replace")) - len(text),  # letters beyond ASCII
        len(set(text)),
        sum(map(str.isdigit, text)),
        sum(map(str.isupper, text)),
        len(text) - 1 - text.rfind("?"),
        len(words),
        len(different),
        of_words * len(different),
        of_words * sum(map(len, words)),
        of_words * sum(len(word) > _LONG for word in words),
        max(map(len, words), default=0),
        max(map(len, lines)),
        len(lines[-1]),
        len(numbers),
        len(set(numbers)),
        max(numbers, default=0.0),
        sum(numbers) / max(len(numbers), 1),
        sum(number > _LARGE for number in numbers),
        sum(number != int(number) for number in numbers),
        *(text.count(piece) for piece in _PIECES),
        *(lower.count(word) for word in (*_WORDS, *_ASKED)),
    ]
