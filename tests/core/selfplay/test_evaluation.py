import pytest

from leeroo.errors import ConfigError
from leeroo.pool.pool import Pool
from leeroo.selfplay.calls import Reply
from leeroo.selfplay.domains import Domain
from leeroo.selfplay.evaluation import Answered, Evaluator
from leeroo.selfplay.items import Item, as_table


class Judge:
    def __init__(self):
        self.requests = []

    def many(self, requests):
        """Likes answers that say "right"; breaks off when asked of 'silence'."""
        self.requests += requests
        found = []
        for r in requests:
            first, second = r.prompt.split("Answer A:\n")[1].split("\n\nReply")[0].split("\n\nAnswer B:\n")
            rate = {True: 9, False: 1}
            text = (
                "hm" if "silence" in r.prompt else f'{{"A": {rate["right" in first]}, "B": {rate["right" in second]}}}'
            )
            found.append(Reply(text))
        return found


def evaluator(**domains):
    return Evaluator(domains, Judge(), "large")


def answered(item, *texts, expert="e"):
    return Answered(
        item, expert, tuple(Reply(text, None if text is not None else "timeout", 5, 7, 3) for text in texts)
    )


def item(check, answer="42", question="What?", domain="d"):
    return Item(question, answer, check, domain, 1)


def test_scores_are_shares_of_right_draws():
    (outcome,) = evaluator().score([answered(item("numeric"), "42", "It is 41.", "The answer is 42", "42")])
    assert (outcome.score, outcome.draws, outcome.nano) == (0.75, 4, 12)


def test_an_empty_answer_is_wrong_and_a_missing_one_unknown():
    e = evaluator()
    found = e.score([answered(item("exact"), " ", expert="silent"), answered(item("exact"), None, expert="down")])
    assert [(o.expert, o.score) for o in found] == [("silent", 0.0)]
    assert e.unscored == {"timeout": 1}


def test_the_majority_of_three_decides_where_nobody_knows():
    one = item("consensus", "")
    votes = {"a": "I think\n12.", "b": "It is 12", "c": "13", "d": "12"}
    found = evaluator(d=Domain(description="x", check="consensus")).score(
        [answered(one, text, expert=name) for name, text in votes.items()]
    )
    assert {o.expert: o.score for o in found} == {"a": 1, "b": 1, "c": 0, "d": 1}


@pytest.mark.parametrize("said", [["12", "13"], ["12", "13", "14"], ["12", "12", "13", "13"]])
def test_without_a_majority_there_is_no_score(said):
    e = evaluator(d=Domain(description="x", check="consensus"))
    assert e.score([answered(item("consensus"), text, expert=str(i)) for i, text in enumerate(said)]) == []
    assert e.unscored == {"no consensus": len(said)}


def test_the_users_own_function(monkeypatch, tmp_path):
    (tmp_path / "my_scores.py").write_text(
        "def length(question, answer, expected):\n    return len(answer) / len(expected)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    e = evaluator(d=Domain(description="x", check="function", function="my_scores:length"))
    (outcome,) = e.score([answered(item("function", "1234"), "12")])
    assert outcome.score == 0.5
    with pytest.raises(ConfigError, match=r"domains.d.function: my_scores:length returned 1.5"):
        e.score([answered(item("function", "1234"), "123456")])
    assert e.score([answered(item("function", ""), "12")]) == []
    assert e.unscored == {"function raised ZeroDivisionError": 1}


def test_the_judge_is_calibrated_on_checked_answers_and_its_silence_is_no_score():
    e = evaluator(d=Domain(description="x", check="judge"), n=Domain(family="arithmetic"))
    checked = [
        answered(item("exact", "right", f"q{i}", "n"), "right" if i % 2 else "nonsense", expert=f"e{i}")
        for i in range(12)
    ]
    judged = [
        answered(item("judge", "a right answer"), "quite right", expert="good"),
        answered(item("judge", "a right answer"), "nonsense", expert="bad"),
        answered(item("judge", "a right answer", "silence"), "right", expert="unheard"),
    ]
    scores = {o.expert: o.score for o in e.score(checked + judged)}
    assert scores["good"] > 0.8 > 0.2 > scores["bad"]
    assert "unheard" not in scores
    assert e.unscored == {"judge gave no verdict": 1}
    assert e.calibration is not None
    assert (e.calibration.answers, e.calibration.auc) == (12, 1.0)
    again = evaluator()
    again.restore(e.state())
    assert (again.calibration, again.unscored) == (e.calibration, e.unscored)


def test_which_answers_are_the_same_is_kept_and_no_text():
    one = item("exact")
    found = evaluator().score(
        [answered(one, text, expert=name) for name, text in (("a", "42"), ("b", "42."), ("c", "7"))]
    )
    assert found[0].same == found[1].same != found[2].same
    pool = Pool({name: {"model": f"openai:{name}", "price": {"input": 1, "output": 1}} for name in "abc"})
    assert as_table("t", [one], found, pool).answers.tolist() == [["#0", "#0", "#1"]]
    (drawn,) = evaluator().score([answered(one, "42", "42")])
    assert drawn.same is None
