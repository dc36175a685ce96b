"""The families' own answers are right, and the same seed gives the same questions."""

import re

import pytest

from leeroo.errors import ConfigError
from leeroo.outcomes.families import FAMILIES, generate
from leeroo.outcomes.matchers import MATCHERS


def test_same_seed_same_problems():
    assert list(generate(60, seed=3)) == list(generate(60, seed=3))
    assert list(generate(60, seed=3)) != list(generate(60, seed=4))


def test_questions_are_distinct_and_cover_every_family_and_difficulty():
    problems = list(generate(240, seed=1))
    assert len({p.question for p in problems}) == len(problems) == 240
    assert {(p.family, p.difficulty) for p in problems} == {(f, d) for f in FAMILIES for d in (1, 2, 3)}


def test_arithmetic_answers_are_what_python_says():
    problems = list(generate(200, seed=5, families=("arithmetic",)))
    for problem in problems:
        expression = re.fullmatch(r"What is (.+)\?", problem.question).group(1)
        assert eval(expression) == int(problem.answer)  # our own question: digits and operators only


def test_code_answers_are_what_the_program_prints(capsys):
    problems = list(generate(30, seed=6, families=("code",)))
    assert len(problems) == 30
    for problem in problems:
        exec(problem.question.split("\n", 1)[1])
        assert capsys.readouterr().out.strip() == problem.answer


def test_every_matcher_accepts_the_right_answer_in_a_sentence_and_refuses_a_wrong_one():
    for problem in generate(120, seed=7):
        matcher = MATCHERS[problem.matcher]
        assert matcher(f"The answer is {problem.answer}.", problem.answer), problem
        assert not matcher("I am not sure about that.", problem.answer), problem


def test_an_unknown_family_is_named_with_the_nearest():
    with pytest.raises(ConfigError, match=r"'arithmetics'.*'arithmetic'"):
        list(generate(1, families=("arithmetics",)))
