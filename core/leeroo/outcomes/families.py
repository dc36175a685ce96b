"""Families of questions whose answers are computed: the verified part of self-play.

Each family makes a question of a difficulty from 1 (easy) to 3 (hard) with a random generator, so that the same seed
gives the same questions. The answer comes from Python or from a table, never from a model.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from random import Random
from typing import Literal

from leeroo.errors import ConfigError, did_you_mean

Matcher = Literal["numeric", "exact", "choice", "code"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A question with its known answer.

    Attributes:
        question: The text.
        answer: The right answer; assertions for `code`.
        matcher: How an answer is compared with it.
        family: Where it comes from; the domain in outcome tables.
        difficulty: 1 .. 3.
    """

    question: str
    answer: str
    matcher: Matcher
    family: str
    difficulty: int


def arithmetic(random: Random, difficulty: int) -> Problem:
    """Sums, products and chains of them."""
    most = (10, 50, 400)[difficulty - 1]
    a, b, c = (random.randint(2, most) for _ in range(3))
    if difficulty == 1:
        text, value = random.choice([(f"{a} + {b}", a + b), (f"{a + b} - {b}", a), (f"{a} * {b}", a * b)])
    elif difficulty == 2:
        text, value = random.choice([(f"{a} + {b} - {c}", a + b - c), (f"{a} * {b}", a * b), (f"{a * b} / {b}", a)])
    else:
        text, value = random.choice([(f"({a} + {b}) * {c}", (a + b) * c), (f"{a} * {b} - {c}", a * b - c)])
    return Problem(f"What is {text}?", str(value), "numeric", "arithmetic", difficulty)


_UNITS = (
    ("kilometres", "metres", 1000), ("hours", "minutes", 60), ("minutes", "seconds", 60),
    ("metres", "centimetres", 100),
    ("kilograms", "grams", 1000), ("days", "hours", 24), ("weeks", "days", 7), ("litres", "millilitres", 1000),
)  # fmt: skip


def units(random: Random, difficulty: int) -> Problem:
    """Conversions between units."""
    large, small, factor = random.choice(_UNITS)
    n = random.randint(2, (5, 12, 90)[difficulty - 1])
    if difficulty < 3:
        return Problem(f"How many {small} are {n} {large}?", str(n * factor), "numeric", "units", difficulty)
    extra = random.randint(1, factor - 1)
    question = f"How many {small} are {n} {large} and {extra} {small} together?"
    return Problem(question, str(n * factor + extra), "numeric", "units", difficulty)


def dates(random: Random, difficulty: int) -> Problem:
    """Weekdays and distances between days."""
    start = date(random.randint(1990, 2030), random.randint(1, 12), random.randint(1, 28))
    days = random.randint(1, (3, 14, 200)[difficulty - 1])
    if difficulty == 1:
        question = f"If today is {start:%A}, which day of the week is it in {days} days?"
        return Problem(question, f"{start + timedelta(days):%A}", "exact", "dates", difficulty)
    later = start + timedelta(days)
    question = f"How many days are there from {start:%d %B %Y} to {later:%d %B %Y}?"
    return Problem(question, str(days), "numeric", "dates", difficulty)


_NAMES = ("Anna", "Ben", "Clara", "David", "Emma", "Felix", "Greta", "Hugo")


def logic(random: Random, difficulty: int) -> Problem:
    """Who is the tallest, from comparisons in random order."""
    people = random.sample(_NAMES, difficulty + 2)
    facts = [f"{a} is taller than {b}." for a, b in pairwise(people)]
    random.shuffle(facts)
    most, answer = random.choice([("tallest", people[0]), ("shortest", people[-1])])
    return Problem(f"{' '.join(facts)} Who is the {most}?", answer, "exact", "logic", difficulty)


def code(random: Random, difficulty: int) -> Problem:
    """What a few lines of Python print."""
    a, b = random.randint(2, 9), random.randint(2, 9)
    if difficulty == 1:
        program, value = f"x = {a}\ny = {b}\nprint(x + y)", a + b
    elif difficulty == 2:
        program, value = f"x = {a}\nfor i in range({b}):\n    x = x + 2\nprint(x)", a + 2 * b
    else:
        program = f"total = 0\nfor i in range({a + b}):\n    if i % 2 == 0:\n        total += i\nprint(total)"
        value = sum(i for i in range(a + b) if i % 2 == 0)
    return Problem(f"What does this Python program print?\n{program}", str(value), "numeric", "code", difficulty)


_WORDS = ("apple", "river", "stone", "cloud", "piano", "tiger", "lemon", "candle", "window", "garden", "basket")


def strings(random: Random, difficulty: int) -> Problem:
    """Letters of words, and sets of words."""
    word = random.choice(_WORDS)
    if difficulty == 1:
        place, letter = random.choice([("first", word[0]), ("last", word[-1])])
        return Problem(f"What is the {place} letter of the word '{word}'?", letter, "exact", "strings", difficulty)
    if difficulty == 2:
        return Problem(f"How many letters has the word '{word}'?", str(len(word)), "numeric", "strings", difficulty)
    first, second = random.sample(_WORDS, 5), random.sample(_WORDS, 5)
    question = f"How many words do these two lists share? List 1: {', '.join(first)}. List 2: {', '.join(second)}."
    return Problem(question, str(len(set(first) & set(second))), "numeric", "strings", difficulty)


def tables(random: Random, difficulty: int) -> Problem:
    """Looking a value up in a small table."""
    rows = {name: random.randint(10, 99) for name in random.sample(_NAMES, 2 + difficulty)}
    listing = "\n".join(f"{name}: {value}" for name, value in rows.items())
    if difficulty < 3:
        name = random.choice(list(rows))
        return Problem(f"{listing}\nWhat is the value of {name}?", str(rows[name]), "numeric", "tables", difficulty)
    best = max(rows, key=lambda name: (rows[name], name))
    return Problem(f"{listing}\nWho has the highest value?", best, "exact", "tables", difficulty)


_CAPITALS = (
    {"France": "Paris", "Italy": "Rome", "Japan": "Tokyo", "Germany": "Berlin", "Spain": "Madrid", "Russia": "Moscow",
     "China": "Beijing", "Egypt": "Cairo", "Greece": "Athens", "Austria": "Vienna", "Ireland": "Dublin",
     "Portugal": "Lisbon", "Poland": "Warsaw", "Sweden": "Stockholm"},
    {"Norway": "Oslo", "Hungary": "Budapest", "Peru": "Lima", "Cuba": "Havana", "Kenya": "Nairobi", "Iran": "Tehran",
     "Thailand": "Bangkok", "Canada": "Ottawa", "Australia": "Canberra", "Turkey": "Ankara", "Finland": "Helsinki",
     "Denmark": "Copenhagen", "Chile": "Santiago", "Vietnam": "Hanoi"},
    {"Mongolia": "Ulaanbaatar", "Bhutan": "Thimphu", "Ghana": "Accra", "Senegal": "Dakar", "Latvia": "Riga",
     "Uruguay": "Montevideo", "Slovenia": "Ljubljana", "Zambia": "Lusaka", "Nepal": "Kathmandu", "Paraguay": "Asuncion",
     "Estonia": "Tallinn", "Jordan": "Amman", "Bulgaria": "Sofia", "Laos": "Vientiane"},
)  # fmt: skip
_SYMBOLS = (
    {"oxygen": "O", "hydrogen": "H", "carbon": "C", "gold": "Au", "iron": "Fe", "nitrogen": "N"},
    {"silver": "Ag", "sodium": "Na", "copper": "Cu", "lead": "Pb", "helium": "He", "zinc": "Zn"},
    {"tungsten": "W", "tin": "Sn", "mercury": "Hg", "potassium": "K", "antimony": "Sb", "manganese": "Mn"},
)


def facts(random: Random, difficulty: int) -> Problem:
    """Capitals and chemical symbols, from the best known to the less known."""
    if random.random() < 0.7:
        country, city = random.choice(list(_CAPITALS[difficulty - 1].items()))
        return Problem(f"What is the capital of {country}?", city, "exact", "facts", difficulty)
    element, symbol = random.choice(list(_SYMBOLS[difficulty - 1].items()))
    return Problem(f"What is the chemical symbol for {element}?", symbol, "exact", "facts", difficulty)


FAMILIES: dict[str, Callable[[Random, int], Problem]] = {
    f.__name__: f for f in (arithmetic, units, dates, logic, code, strings, tables, facts)
}


def generate(count: int, seed: int = 0, families: tuple[str, ...] = ()) -> Iterator[Problem]:
    """Distinct problems, spread evenly over families and difficulties.

    Args:
        count: How many at most; easy families run out of distinct questions.
        seed: The same seed gives the same problems.
        families: Names of families; all when empty.

    Raises:
        ConfigError: An unknown family.
    """
    for name in families:
        if name not in FAMILIES:
            raise ConfigError(f"Unknown family {name!r}.{did_you_mean(name, FAMILIES)}")
    chosen = families or tuple(FAMILIES)
    random = Random(seed)  # noqa: S311 - reproducible questions, no secret
    seen: set[str] = set()
    made = 0
    for turn in range(20 * count):
        if made == count:
            return
        name = chosen[turn % len(chosen)]
        problem = FAMILIES[name](random, 1 + turn // len(chosen) % 3)
        if problem.question not in seen:
            seen.add(problem.question)
            made += 1
            yield problem
