"""Matchers read free text as a careful person would."""

import pytest

from leeroo.outcomes.matchers import choice, exact, numeric


@pytest.mark.parametrize(
    ("answer", "expected", "right"),
    [
        ("12", "12", True),
        ("12.", "12", True),
        ("7 + 5 = 12", "12", True),
        ("The answer is 1,200 grams.", "1200", True),
        ("3 + 4 = 7, and 7 * 2 = 14", "14", True),
        ("The answer is 13.", "12", False),
        ("112", "12", False),
        ("-12", "12", False),
        ("I do not know.", "12", False),
        ("12.0000000001", "12", True),
    ],
)
def test_numeric(answer, expected, right):
    assert numeric(answer, expected) is right


@pytest.mark.parametrize(
    ("answer", "expected", "right"),
    [
        ("David", "David", True),
        ("The tallest is david.", "David", True),
        ("It is not known.", "t", False),
        ("The letter is 't'.", "t", True),
        (" ".join(["word"] * 40) + " David", "David", False),
        ("", "David", False),
    ],
)
def test_exact(answer, expected, right):
    assert exact(answer, expected) is right


@pytest.mark.parametrize(
    ("answer", "expected", "right"),
    [
        ("B", "B", True),
        ("(B) because", "b", True),
        ("The answer is C.", "C", True),
        ("A is wrong, so the answer is D", "D", True),
        ("Because", "B", False),
        ("", "B", False),
    ],
)
def test_choice(answer, expected, right):
    assert choice(answer, expected) is right
