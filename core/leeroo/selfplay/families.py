"""The verified families of self-play: those with short answers, and functions to write, whose tests are computed."""

from collections.abc import Callable
from itertools import groupby
from random import Random

from leeroo.outcomes.families import FAMILIES, Problem

Solve = Callable[[int, int, int], object]


def _in_base(x: int, base: int) -> str:
    return str(x) if x < base else _in_base(x // base, base) + str(x % base)


def _is_prime(n: int) -> bool:
    return n > 1 and all(n % k for k in range(2, int(n**0.5) + 1))


_TASKS: tuple[tuple[tuple[str, Solve], ...], ...] = (
    (
        ("returns {a} times the number x plus {b}", lambda x, a, b: a * x + b),
        ("returns the larger of the number x and {b}", lambda x, a, b: max(x, b)),
        ("returns the number x raised to the power of {a}", lambda x, a, b: x**a),
    ),
    (
        (
            "returns the sum of the whole numbers from 1 to x that are divisible by {a}",
            lambda x, a, b: sum(n for n in range(1, x + 1) if n % a == 0),
        ),
        (
            "returns how many of the decimal digits of the positive whole number x are at least {a}",
            lambda x, a, b: sum(int(digit) >= a for digit in str(x)),
        ),
        (
            "returns the sum of the decimal digits of the positive whole number x, times {a}",
            lambda x, a, b: a * sum(map(int, str(x))),
        ),
    ),
    (
        (
            "returns the largest prime number that is at most x + {b}",
            lambda x, a, b: next(n for n in range(x + b, 1, -1) if _is_prime(n)),
        ),
        (
            "returns the positive whole number x written in base {a} as a string of digits, most significant first",
            lambda x, a, b: _in_base(x, a),
        ),
        (
            "returns the length of the longest run of equal digits in the binary form of x + {b}",
            lambda x, a, b: max(len(list(run)) for _, run in groupby(bin(x + b)[2:])),
        ),
    ),
)


def programs(random: Random, difficulty: int) -> Problem:
    """A Python function to write; `answer` holds assertions that a right one passes."""
    said, solve = random.choice(_TASKS[difficulty - 1])
    a, b = random.randint(2, 9), random.randint(2, 60)
    tests = "\n".join(f"assert f({x}) == {solve(x, a, b)!r}" for x in sorted(random.sample(range(3, 200), 5)))
    question = f"Write a Python function f(x) that {said.format(a=a, b=b)}. Give only the code."
    return Problem(question, tests, "code", "programs", difficulty)


VERIFIED: dict[str, Callable[[Random, int], Problem]] = {**FAMILIES, "programs": programs}
