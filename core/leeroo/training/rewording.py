"""The same question in other words: training on it teaches the predictor that manners and slips do not matter."""

import random
import re
from collections.abc import Callable

_OPTION = re.compile(r"\n([A-J])\. ")
_OPENERS = (
    "Hi! ",
    "Hello, ",
    "Please help me with this. ",
    "I have a question: ",
    "Question: ",
    "Could you answer the following?\n\n",
    "Hey, quick question for you. ",
    "Good morning! I hope you are well. Would you be so kind as to solve this for me?\n",
    "Answer the question below.\n",
    "You are a careful assistant. Think before you answer.\n\n",
)
_CLOSERS = (
    "\n\nThanks!",
    " Thank you in advance.",
    "\nPlease explain briefly.",
    "\n\nAnswer:",
    " Thanks for your help!",
)


def reworded(text: str, rng: random.Random) -> str:
    """The text with one or two changes that leave its answer as it is: manners, slips, order of the options."""
    changes = rng.sample((opened, closed, slipped, slipped, reordered), k=rng.choice((1, 1, 2)))
    for change in changes:
        text = change(text, rng)
    return text


def opened(text: str, rng: random.Random) -> str:
    """Words before the question."""
    return rng.choice(_OPENERS) + text


def closed(text: str, rng: random.Random) -> str:
    """Words after the question."""
    return text + rng.choice(_CLOSERS)


def slipped(text: str, rng: random.Random) -> str:
    """A slip of the keyboard in about one word of 20: letters swapped, left out or doubled."""

    def slip(word: str, at: int) -> str:
        return rng.choice(
            (
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                word[:at] + word[at + 1 :],
                word[:at] + word[at] + word[at:],
            )
        )

    return in_some_words(text, rng, 20, slip)


def in_some_words(text: str, rng: random.Random, every: int, slip: Callable[[str, int], str]) -> str:
    """The text with a slip in about one word of `every`, if it is one of letters only and not short.

    Args:
        text: The text.
        rng: Where words and places are drawn.
        every: How rare slips are.
        slip: From a word and a place inside it, neither first nor last, to the word with its slip.
    """
    words = text.split(" ")
    for _ in range(max(1, len(words) // every)):
        i = rng.randrange(len(words))
        word = words[i]
        if len(word) > 3 and word.isalpha():
            words[i] = slip(word, rng.randrange(1, len(word) - 1))
    return " ".join(words)


def reordered(text: str, rng: random.Random) -> str:
    """The options of a multiple-choice question in another order, lettered anew; other texts as they are."""
    parts = _OPTION.split(text)
    stem, options = parts[0], parts[2::2]
    if len(options) < 2:
        return text
    rng.shuffle(options)
    return stem + "".join(f"\n{chr(65 + i)}. {option}" for i, option in enumerate(options))
