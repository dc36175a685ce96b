import random

import pytest

from leeroo.training import rewording

CHOICE = "Which planet is the largest in the solar system?\nA. Mars\nB. Jupiter\nC. Venus\nD. Earth"


@pytest.mark.parametrize("text", [CHOICE, "Translate the sentence into French, keeping its tone.", "x", ""])
def test_rewording_changes_the_text_by_little(text: str) -> None:
    rng = random.Random(0)
    for _ in range(200):
        other = rewording.reworded(text, rng)
        assert abs(len(other) - len(text)) < 170


def test_the_same_seed_rewords_alike() -> None:
    assert rewording.reworded(CHOICE, random.Random(3)) == rewording.reworded(CHOICE, random.Random(3))


def test_reordered_options_are_lettered_in_order_and_all_there() -> None:
    other = rewording.reordered(CHOICE, random.Random(1))
    lines = other.split("\n")
    assert [line[:3] for line in lines[1:]] == ["A. ", "B. ", "C. ", "D. "]
    assert sorted(line[3:] for line in lines[1:]) == ["Earth", "Jupiter", "Mars", "Venus"]
    assert other != CHOICE


def test_a_text_without_options_is_not_reordered() -> None:
    assert rewording.reordered("No options here.", random.Random(0)) == "No options here."


def test_slips_touch_inner_letters_of_long_words_only() -> None:
    text = "a an the abcdefgh"
    for seed in range(30):
        words = rewording.slipped(text, random.Random(seed)).split(" ")
        assert words[:3] == ["a", "an", "the"]
        assert (words[3][0], words[3][-1]) == ("a", "h")
