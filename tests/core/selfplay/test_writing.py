import json

import numpy as np
import pytest

from leeroo.selfplay.calls import Reply
from leeroo.selfplay.domains import Domain
from leeroo.selfplay.items import Item, near, spread
from leeroo.selfplay.writing import confirm, write

CITIES = Domain(description="capitals", check="exact", style="short", examples=("What is the capital of Peru?",))


class Script:
    """In place of a `Caller`: gives these texts in turn, and keeps the requests."""

    def __init__(self, *texts):
        self.texts, self.requests = list(texts), []

    def many(self, requests):
        self.requests += requests
        return [Reply(text, None if text is not None else "timeout") for text in (self.texts.pop(0) for _ in requests)]


def entries(*pairs, **more):
    return json.dumps([{"question": q, "answer": a, **more} for q, a in pairs])


def written(script, domain=CITIES, count=2, seen=()):
    return write(script, "large", "cities", domain, 2, count, key="1/cities/2", seen=set(seen), seed=0)


def test_questions_come_with_domain_difficulty_and_writer():
    script = Script("Here you are:\n" + entries(("Capital of Peru?", "Lima"), ("Capital of Ghana?", "Accra")) + "\nBye")
    found = written(script)
    assert found.items[0] == Item("Capital of Peru?", "Lima", "exact", "cities", 2, "large")
    assert len(found.items) == 2
    prompt = script.requests[0].prompt
    assert all(text in prompt for text in ("capitals", "short", "medium", "What is the capital of Peru?"))


def test_a_writer_that_repeats_itself_is_not_asked_for_ever():
    same = entries(("Capital of Peru?", "Lima"))
    script = Script(same, same, same, same)
    found = written(script, count=3)
    assert (len(found.items), found.repeated) == (1, 1)
    assert len(script.requests) == 2


@pytest.mark.parametrize("text", ["I would rather not.", "[]", '[{"question": "", "answer": "x"}]', '[{"q": 1}]'])
def test_broken_answers_are_counted_and_nothing_is_kept(text):
    found = written(Script(text))
    assert found.items == ()
    assert found.broken == 1


def test_a_list_that_breaks_off_gives_what_is_whole():
    whole = entries(("Capital of Peru?", "Lima"), ("Capital of Ghana?", "Accra"))
    found = written(Script(whole[:-12], None))
    assert [item.answer for item in found.items] == ["Lima"]
    assert found.failed == 1


@pytest.mark.parametrize(
    ("check", "question", "answer", "kept"),
    [
        ("numeric", "How many?", 12, True),
        ("numeric", "How many?", "a dozen", False),
        ("units", "How far?", "12 km", True),
        ("units", "How far?", "12", False),
        ("choice", "Which?\nA. one\nB. two", "B", True),
        ("choice", "Which?\nA. one\nB. two", "C", False),
    ],
)
def test_answers_must_be_of_the_form_that_their_check_reads(check, question, answer, kept):
    found = written(Script(entries((question, answer)), "[]"), Domain(description="x", check=check))
    assert len(found.items) == kept


@pytest.mark.parametrize(
    ("solution", "tests", "kept"),
    [
        ("def f(x): return x + 1", "assert f(1) == 2", True),
        ("def f(x): return x", "assert f(1) == 2", False),
        ("def f(x): return x", "assert True", False),
    ],
)
def test_code_is_kept_when_its_solution_passes_tests_that_can_fail(solution, tests, kept):
    script = Script(entries(("Write f.", tests), solution=solution), "[]")
    assert len(written(script, Domain(description="x", check="code")).items) == kept


def test_each_question_is_asked_with_its_passage():
    domain = Domain(description="rules", check="exact", material=("Refunds take 14 days.",))
    script = Script(entries(("How long?", "14 days")), "[]")
    assert written(script, domain).items[0].question == "Refunds take 14 days.\n\nHow long?"
    assert "Refunds take 14 days." in script.requests[0].prompt


def test_an_answer_that_the_writer_does_not_give_again_does_not_survive():
    items = [Item("6 times 7?", "42", "numeric", "d", 1), Item("6 times 8?", "42", "numeric", "d", 1)]
    kept = confirm(Script("It is 42.", "48"), "large", "large", items, {"d": CITIES}, 20)
    assert kept == [True, False]


def test_open_answers_are_compared_by_the_judge():
    items = [Item("Why?", "Because of light.", "judge", "d", 1)]
    agree, differ = '{"A": 8, "B": 8}', '{"A": 1, "B": 1}'
    assert confirm(Script("Light.", agree, agree), "large", "large", items, {"d": CITIES}, 20) == [True]
    assert confirm(Script("Dunno.", differ, differ), "large", "large", items, {"d": CITIES}, 20) == [False]
    assert confirm(Script(""), "large", "large", items, {"d": CITIES}, 20) == [False]


def test_near_duplicates_are_found_among_old_and_new():
    vectors = np.array([[1, 0], [0.99, 0.1], [0, 1], [0.7, 0.7]], dtype=np.float32)
    assert near(vectors, vectors[:0], 0.95).tolist() == [False, True, False, False]
    assert near(vectors, vectors[3:], 0.95).tolist() == [False, True, False, True]


@pytest.mark.parametrize(("total", "weights"), [(10, [1, 1, 1]), (0, [1, 2]), (7, [0.1, 5, 3])])
def test_shares_add_up(total, weights):
    found = spread(total, weights)
    assert sum(found) == total
    assert all(abs(n - total * w / sum(weights)) < 1 for n, w in zip(found, weights, strict=True))
