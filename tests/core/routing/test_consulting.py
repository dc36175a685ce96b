import json
import threading

import pytest

from leeroo import Budget, Expert, ExpertsFailed, Price, Query, Router, Usage
from leeroo.consult.equivalence import Equivalence, Reply
from leeroo.consult.model import ConsultModel
from leeroo.consult.settings import Consulting
from leeroo.prediction import ConstantPredictor
from leeroo.routing.answers import UselessAnswer
from leeroo.routing.consulting import consultation
from leeroo.routing.decision import least_cost
from tests.core.routing.refused import Refused
from tests.given_up import in_rounds_of

QUESTION = "Which gas do plants take in?\nA. Oxygen\nB. Carbon dioxide\nC. Helium\nD. Neon\nE. Argon\nF. Xenon"
PRICES = {"tiny": 0.1, "small": 0.2, "medium": 1.0, "large": 10.0}
QUALITY = {"tiny": 0.55, "small": 0.6, "medium": 0.65, "large": 0.75}
MODEL = ConsultModel()
WORTH = Budget(consult=True, willingness_to_pay=0.05)


def make(names=tuple(PRICES), **kwargs):
    experts = {name: Expert(model=name, price=Price(input=PRICES[name], output=PRICES[name])) for name in names}
    return Router(experts, predictor=ConstantPredictor(QUALITY, output_tokens=100), **kwargs)


def run(router, script, budget=WORTH, *, question=QUESTION, settings=None, query=None):
    """What a driver does: every expert says what the script says, or raises it. Returns (answer, record)."""
    with router.open(query or Query(text=question, prompt=question), budget) as call:
        several = consultation(call, settings or Consulting(model=MODEL))
        answer = None if several is None else play(several, script)
        if answer is None:
            for attempt in call.attempts():
                said = script[attempt.expert.name]
                if isinstance(said, Exception):
                    attempt.failed(said)
                    continue
                attempt.succeeded(Usage(10, 100))
                answer = said
                break
            else:
                raise call.exhausted()
        return answer, call.finish()


def play(several, script):
    while attempts := several.round():
        for attempt in attempts:
            said = script[attempt.expert.name]
            if isinstance(said, Exception):
                several.failed(attempt, said, used=Usage(10, 100) if isinstance(said, UselessAnswer) else None)
            else:
                reply = said if isinstance(said, Reply) else Reply(said)
                several.answered(attempt, said, reply, Usage(10, 100))
    return several.accepted


def asked(record):
    return [ask["expert"] for ask in record["consult"]["asks"]]


ALL_B = dict.fromkeys(PRICES, "The answer is B.")


def test_off_by_default():
    _, record = run(make(), ALL_B, Budget())
    assert "consult" not in record
    assert len(record["attempts"]) == 1


def test_agreement_is_accepted_and_everything_is_on_the_record():
    answer, record = run(make(), ALL_B)
    assert answer == "The answer is B."
    consult = record["consult"]
    assert len(asked(record)) >= 2
    assert "large" not in asked(record)
    assert consult["clusters"] == [len(asked(record))]
    assert consult["posterior"] > 0.75
    assert consult["stopped"] == "another answer is not worth its price"
    assert record["rule"].startswith("consult")
    assert record["cost"] == pytest.approx(sum(ask["cost"] for ask in consult["asks"]))
    assert record["expert"] == max(asked(record), key=QUALITY.get)
    assert [a["expert"] for a in record["attempts"]] == asked(record)
    assert json.loads(json.dumps(record, allow_nan=False)) == record


def test_disagreement_asks_on_and_returns_the_best_cluster_s_best_member():
    script = {
        "tiny": "The answer is A.",
        "small": "The answer is B.",
        "medium": "Surely (B).",
        "large": "B, of course.",
    }
    answer, record = run(make(), script, Budget(consult=True, willingness_to_pay=1.0))
    best = max((e for e in asked(record) if script[e] != script["tiny"]), key=QUALITY.get)
    assert answer == script[best]
    assert record["expert"] == best
    assert sorted(record["consult"]["clusters"]) == [1, len(asked(record)) - 1]


def test_max_calls_bounds_the_asks():
    script = {name: f"The answer is {letter}." for name, letter in zip(PRICES, "ABCD", strict=True)}
    _, record = run(make(), script, Budget(max_calls=3, willingness_to_pay=1.0))
    assert len(asked(record)) == 3
    assert record["consult"]["stopped"] == "max_calls=3"


def test_min_quality_stops_when_the_posterior_reaches_it():
    _, record = run(make(), ALL_B, Budget(consult=True, min_quality=0.7))
    assert record["consult"]["posterior"] >= 0.7
    assert record["adequate"] is True
    assert record["consult"]["stopped"] == "the posterior reaches min_quality"


@pytest.mark.parametrize("prices", [(1.0, 1.0, 1.0), (0.01, 1.0, 10.0), (0.1, 1.0, 1.0), (10.0, 1.0, 1.0)])
@pytest.mark.parametrize("budget", [{"min_quality": 0.99}, {}, {"willingness_to_pay": 100.0}], ids=str)
@pytest.mark.parametrize("said", ["AAA", "ABB", "BAB", "BBA", "ABC"])
def test_who_is_nearly_always_wrong_is_not_asked_for_a_sign_of_what_is_wrong(prices, budget, said):
    """Agreement with it said that an answer was wrong: paid for in every call, and not so on outcomes."""
    quality = {"poor": 0.05, "fair": 0.5, "good": 0.6}
    experts = {
        name: Expert(model=name, price=Price(input=p, output=p)) for name, p in zip(quality, prices, strict=True)
    }
    router = Router(experts, predictor=ConstantPredictor(quality, output_tokens=100))
    script = {name: f"The answer is {letter}." for name, letter in zip(quality, said, strict=True)}
    _, record = run(router, script, Budget(consult=True, **budget), settings=Consulting())
    assert "good" in asked(record)
    assert "poor" not in asked(record)


def test_a_min_quality_out_of_reach_asks_whom_it_pays_to_ask_and_says_so():
    script = {name: f"The answer is {letter}." for name, letter in zip(PRICES, "AABB", strict=True)}
    _, record = run(make(), script, Budget(consult=True, min_quality=0.999))
    assert len(asked(record)) >= 3
    _, record = run(make(("tiny", "large")), script, Budget(consult=True, min_quality=0.999))
    assert asked(record) == ["large"]  # the tiny one alone could not change what is accepted
    assert record["adequate"] is False
    assert (
        record["consult"]["stopped"] == "min_quality is out of reach, and another answer would hardly bring it nearer"
    )


def test_a_default_budget_consults_within_its_tolerance():
    _, record = run(make(), ALL_B, Budget(consult=True))
    assert "within 0.02 of asking everybody" in record["rule"]


@pytest.mark.parametrize("cap", [0.0001, 0.0002, 0.0013, 0.02])
def test_the_cap_holds_and_the_rest_that_pays_for_half_an_ask_is_not_spent(cap):
    script = {name: f"The answer is {letter}." for name, letter in zip(PRICES, "ABCD", strict=True)}
    answer, record = run(make(), script, Budget(consult=True, willingness_to_pay=1000.0, max_cost=cap))
    assert record["cost"] <= cap
    assert answer in script.values()
    assert asked(record)


def test_a_rest_that_pays_for_nobody_says_so():
    twins = {name: Expert(model=name, price=Price(input=10.0, output=10.0)) for name in ("one", "other")}
    router = Router(twins, predictor=ConstantPredictor({}, output_tokens=100))
    dearest = router.decide(Query(text=QUESTION, prompt=QUESTION), Budget()).candidates[-1]
    cap = (least_cost(dearest) + 1) / 1e9  # pays for one ask and a bit
    _, record = run(router, dict.fromkeys(twins, "B"), Budget(consult=True, min_quality=0.99, max_cost=cap))
    assert len(asked(record)) == 1
    assert record["cost"] <= cap
    assert record["consult"]["stopped"] == "the rest of the budget pays for nobody else"


def test_an_answer_without_its_form_abstains_and_is_never_accepted():
    script = {**ALL_B, "large": UselessAnswer("unparsable")}
    answer, record = run(make(("large", "medium")), script, settings=Consulting(policy=in_rounds_of(1)))
    assert answer == ALL_B["medium"]
    assert [(ask["expert"], ask["cluster"]) for ask in record["consult"]["asks"]] == [("large", None), ("medium", 0)]
    assert [(one["error"], one["cost"]) for one in record["attempts"]] == [
        ("unparsable", pytest.approx(0.0011)),
        (None, pytest.approx(0.00011)),
    ]
    assert record["cost"] == pytest.approx(sum(ask["cost"] for ask in record["consult"]["asks"]))
    script["medium"] = UselessAnswer("unparsable")
    with pytest.raises(ExpertsFailed, match="unparsable"):
        run(make(("large", "medium")), script)


def test_an_answer_without_its_form_counts_as_a_call_and_leaves_the_next_one_due():
    script = {**ALL_B, "large": UselessAnswer("unparsable")}
    little = Budget(consult=True, willingness_to_pay=1e-9)  # nothing is worth its price, and yet somebody must answer
    answer, _ = run(make(("large", "medium")), script, little)
    assert answer == ALL_B["medium"]
    script["tiny"] = UselessAnswer("unparsable")
    answer, record = run(make(), script, Budget(max_calls=2), settings=Consulting(policy=in_rounds_of(4)))
    assert len(asked(record)) == 2
    assert record["consult"]["stopped"] == "max_calls=2"


def test_identical_refusals_are_no_evidence():
    refusal = "I'm sorry, but I can't help with that."
    script = {"tiny": refusal, "small": refusal, "medium": "The answer is B.", "large": "The answer is B."}
    answer, record = run(make(), script, Budget(consult=True, willingness_to_pay=1.0))
    assert answer == "The answer is B."
    assert [ask["cluster"] for ask in record["consult"]["asks"] if ask["expert"] in ("tiny", "small")] == [None] * sum(
        e in ("tiny", "small") for e in asked(record)
    )


def test_all_abstain():
    answer, record = run(make(), dict.fromkeys(PRICES, ""), Budget(consult=True, willingness_to_pay=100.0))
    assert answer == ""
    assert len(asked(record)) == 4
    assert record["consult"]["posterior"] is None
    assert record["expert"] == "large"
    assert record["consult"]["stopped"] == "nobody is left to ask"


def test_an_answer_that_is_cut_off_abstains():
    script = {**ALL_B, "small": Reply("The answer is A", truncated=True), "tiny": Reply("", truncated=True)}
    answer, record = run(make(), script, Budget(consult=True, willingness_to_pay=1.0))
    assert answer == "The answer is B."
    assert None in [ask["cluster"] for ask in record["consult"]["asks"]]


def test_free_text_is_chosen_once_and_says_so():
    question, essay = "Write about the sea.", "The sea is wide and deep and blue. " * 20
    once, plain = run(make(), dict.fromkeys(PRICES, essay), Budget(), question=question)
    answer, record = run(make(), dict.fromkeys(PRICES, essay), Budget(consult=True), question=question)
    assert answer == once == essay
    assert record["expert"] == plain["expert"]
    assert record["consult"]["stopped"] == "nothing can be compared: chosen once"
    assert len(asked(record)) == 1


def test_short_answers_to_open_questions_are_compared():
    script = {**dict.fromkeys(PRICES, "Paris"), "large": "The capital of France is Paris."}
    _, record = run(make(), script, WORTH, question="What is the capital of France?")
    assert len(asked(record)) >= 2
    assert len(record["consult"]["clusters"]) == 1


@pytest.mark.parametrize("error", [ConnectionError("gone"), Refused(400), TimeoutError()])
def test_an_expert_that_dies_mid_consult_loses_nothing(error):
    settings = Consulting(model=MODEL, haste=0.0)
    _, record = run(make(), ALL_B, WORTH, settings=settings)
    first, second = asked(record)[:2]
    script = {**ALL_B, second: error}
    answer, record = run(make(), script, WORTH, settings=settings)
    assert answer == "The answer is B."
    assert record["attempts"][1]["expert"] == second
    assert record["attempts"][1]["error"] is not None
    assert asked(record)[0] == first
    assert second not in asked(record)
    assert len(asked(record)) >= 2


def test_a_request_that_nobody_can_take_is_raised_at_once():
    with pytest.raises(ExpertsFailed, match="bad_request") as caught:
        run(make(), dict.fromkeys(PRICES, Refused(400)))
    assert len(caught.value.record["attempts"]) <= 2


def test_everybody_is_down():
    with pytest.raises(ExpertsFailed) as caught:
        run(make(), dict.fromkeys(PRICES, PermissionError("no")))
    assert {a["expert"] for a in caught.value.record["attempts"]} == set(PRICES)


def test_a_call_that_is_given_up_has_its_asks_on_the_record():
    router = make()
    with router.open(Query(text=QUESTION), WORTH) as call:
        several = consultation(call, Consulting(model=MODEL, haste=0.0))
        (first,) = several.round()
        several.answered(first, "B", Reply("B"), Usage(10, 100))
        several.round()
    record = call.record
    assert record["consult"]["asks"][0]["expert"] == first.expert.name
    assert [a["error"] for a in record["attempts"]] == [None, "cancelled"]
    assert record["cost"] == pytest.approx(sum(a["cost"] for a in record["attempts"]))
    assert router.ledger.remaining(None).nano is None


def test_two_are_asked_at_once_where_both_will_be_asked():
    _, record = run(make(), ALL_B, Budget(consult=True, willingness_to_pay=0.5))
    consult = record["consult"]
    _, one_by_one = run(
        make(), ALL_B, Budget(consult=True, willingness_to_pay=0.5), settings=Consulting(model=MODEL, haste=0.0)
    )
    assert consult["rounds"] < one_by_one["consult"]["rounds"]


def test_sticky_loops_and_pins_stay_with_their_expert():
    _, record = run(make(), ALL_B, Budget(consult=True, expert="small"))
    assert record["consult"]["stopped"] == "the call is pinned"
    _, record = run(make(), ALL_B, WORTH, query=Query(text=QUESTION, sticky="medium"))
    assert record["expert"] == "medium"
    assert "tool loop" in record["consult"]["stopped"]
    _, record = run(make(("tiny",)), ALL_B)
    assert record["consult"]["stopped"] == "one expert is eligible"


def test_a_deadline_ends_the_asking(monkeypatch):
    router = make()
    with router.open(Query(text=QUESTION), Budget(consult=True, willingness_to_pay=1.0, max_latency=50.0)) as call:
        several = consultation(call, Consulting(model=MODEL, haste=0.0))
        (first,) = several.round()
        several.answered(first, "B", Reply("B"), Usage(10, 100))
        call._began -= 60
        assert several.round() == []
    assert call.record["consult"]["stopped"] == "deadline"
    assert call.record["expert"] == first.expert.name


def test_a_check_of_the_caller_s_decides():
    good = {"small": "The answer is B."}
    settings = Consulting(Equivalence(verify=lambda text: "B" in text), MODEL)
    answer, record = run(make(), {**dict.fromkeys(PRICES, "The answer is A."), **good}, WORTH, settings=settings)
    assert answer == "The answer is B."
    assert record["consult"]["clusters"] == [1]


def test_a_check_that_hangs_and_an_equivalent_that_raises_are_on_the_record():
    forever = threading.Event()
    settings = Consulting(Equivalence(verify=lambda _: forever.wait(60)), MODEL)
    budget = Budget(consult=True, willingness_to_pay=1.0, max_latency=0.5)
    answer, record = run(make(), ALL_B, budget, settings=settings)
    forever.set()
    assert answer == "The answer is B."
    assert record["consult"]["notes"] == ["verify took too long and is not asked again"]

    def equivalent(one, other):
        raise KeyError(one)

    script = {name: f"{name} says so" for name in PRICES}
    settings = Consulting(Equivalence(equivalent=equivalent), MODEL)
    answer, record = run(make(), script, WORTH, settings=settings)
    assert answer in script.values()
    assert record["consult"]["notes"] == ["equivalent raised KeyError"]
    assert "says so" not in json.dumps(record)


def test_every_ask_has_its_entry_in_the_ledger():
    reserved = []
    router = make()
    reserve = router.ledger.reserve
    router.ledger.reserve = lambda *args, **kwargs: reserved.append(kwargs["expert"]) or reserve(*args, **kwargs)
    _, record = run(router, ALL_B)
    assert reserved == asked(record)
