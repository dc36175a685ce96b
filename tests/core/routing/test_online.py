"""What feedback does to predictions: towards the truth, forgetting, bounded per scope, frozen, and from a ledger."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeroo import Budget, ConfigError, Query, Router, Usage, feedback
from leeroo.ledger.opening import open_ledger
from leeroo.prediction import ConstantPredictor
from leeroo.routing.online import OnlineLearner


def taught(count, score, learner=None, **kwargs):
    learner = learner or OnlineLearner()
    for _ in range(count):
        learner.learn("e", 0.8, score, **kwargs)
    return learner


def ask(router, text="hi", scope=None, error=None):
    with router.open(Query(text=text, max_tokens=100), Budget(scope=scope)) as call:
        for attempt in call.attempts():
            if error is not None and attempt.expert.name == "large":
                attempt.failed(error)
            else:
                attempt.succeeded(Usage(10, 10))
    return call.record


def test_lessons_bring_the_prediction_to_what_is_seen():
    assert OnlineLearner().quality("e", 0.8) == 0.8
    falls = [taught(n, 0.4, OnlineLearner(memory=1e6)).quality("e", 0.8) for n in (0, 5, 20, 100, 400, 4000)]
    assert falls == sorted(falls, reverse=True)
    assert falls[-1] == pytest.approx(0.4, abs=0.03)
    assert taught(400, 1.0).quality("e", 0.8) > 0.85
    assert taught(400, 0.4).quality("other", 0.8) == 0.8


def test_a_prediction_that_is_right_but_for_noise_stays():
    learner = OnlineLearner(memory=10_000)
    for n in range(1000):
        learner.learn("e", 0.8, float(n % 5 > 0))
    assert learner.quality("e", 0.8) == 0.8
    for _ in range(100):
        learner.learn("e", 0.8, 0.0)
    assert learner.quality("e", 0.8) < 0.79


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.sampled_from([None, "a", "b"])), max_size=60))
def test_any_lessons_leave_a_probability_that_keeps_the_order_of_queries(lessons):
    learner = OnlineLearner()
    for predicted, score, scope in lessons:
        learner.learn("e", predicted, score, scope)
    found = [learner.quality("e", p / 20) for p in range(21)]
    assert all(0 <= q <= 1 for q in found)
    assert found == sorted(found)


def test_what_was_learned_is_forgotten_with_the_pools_lessons_not_only_its_own():
    learner = taught(100, 0.0, OnlineLearner(memory=100))
    low = learner.quality("e", 0.8)
    for _ in range(100):
        learner.learn("other", 0.8, 0.8)
    assert low < learner.quality("e", 0.8) < 0.8
    for _ in range(1000):
        learner.learn("other", 0.8, 0.8)
    assert learner.quality("e", 0.8) == 0.8
    never = taught(100, 0.0, OnlineLearner(memory=float("inf")))
    low = never.quality("e", 0.8)
    for _ in range(1000):
        never.learn("other", 0.8, 0.8)
    assert never.quality("e", 0.8) == low


def test_one_scope_moves_an_expert_only_so_far():
    owner = OnlineLearner(memory=float("inf"), scope_memory=20)
    taught(200, 0.8, owner)
    honest = owner.quality("e", 0.8)
    taught(2000, 0.0, owner, scope="a grudge")
    assert owner.of("e").lessons <= 220 + 1e-6
    assert honest - owner.quality("e", 0.8) < 0.12
    assert taught(2000, 0.0, OnlineLearner(memory=float("inf")), scope="a grudge").of("e").lessons <= 50 + 1e-6


def test_frozen_keeps_what_it_knows_and_learns_nothing_more():
    learner = taught(50, 0.2)
    before = learner.quality("e", 0.8)
    learner.frozen = True
    taught(50, 1.0, learner)
    assert learner.quality("e", 0.8) == before < 0.8
    learner.frozen = False
    assert taught(50, 1.0, learner).quality("e", 0.8) > before


def test_feedback_moves_the_traffic_of_a_router_and_the_record_says_so(make_router):
    router = make_router(learn=OnlineLearner(every=0))
    first = ask(router)
    assert (first["expert"], first["base_quality"]) == ("large", None)
    for _ in range(40):
        record = ask(router)
        feedback(record["call_id"], 0.1 if record["expert"] == "large" else 0.7)
    last = ask(router)
    assert last["expert"] == "medium"
    large = next(row for row in last["candidates"] if row["expert"] == "large")
    assert large["base_quality"] == 0.9
    assert large["quality"] < 0.72


def test_a_call_teaches_once(make_router):
    router = make_router(learn=OnlineLearner(every=0))
    record = ask(router)
    for score in (0.9, 0.0, 0.0):
        feedback(record["call_id"], score)
    router.learn.refresh(router.ledger)
    assert router.learn.of("large").lessons == 1


def test_processes_that_share_a_ledger_learn_the_same(tmp_path, pool):
    url = f"sqlite:///{tmp_path}/l.db"
    predictor = ConstantPredictor({"small": 0.6, "medium": 0.7, "large": 0.9})
    routers = [Router(pool, predictor=predictor, ledger=open_ledger(url), learn=OnlineLearner(every=0)) for _ in "12"]
    for n in range(30):
        record = ask(routers[0], scope="a" if n % 2 else None)
        feedback(record["call_id"], 0.0)
    late = OnlineLearner(every=0)
    for router in routers:
        router.learn.refresh(router.ledger)
    late.refresh(routers[0].ledger)
    one, other = (router.learn for router in routers)
    # A lesson's prediction is the predictor's own, though the calls' predictions had been changed by then.
    for name in pool.names:
        level, deviation, lessons = (getattr(one.of(name), key) for key in ("level", "deviation", "lessons"))
        for learner in (other, late):
            found = learner.of(name)
            assert (found.level, found.deviation, found.lessons) == pytest.approx((level, deviation, lessons))
    assert one.of("large").lessons > 5
    assert one.of("large").level < -0.5
    for router in routers:
        router.ledger.close()


@pytest.mark.parametrize(
    ("signals", "error", "lessons"),
    [
        ((), "server", 0), (("fallback",), "server", 0.5), (("schema",), "server", 0), (("schema",), "parse", 0.5),
        (("fallback", "schema"), "parse", 0.5), (("retry",), "server", 0),
    ],
)  # fmt: skip
def test_a_failed_attempt_is_a_lesson_only_where_asked_for(make_router, signals, error, lessons):
    import json

    raised = {"server": ConnectionError("down"), "parse": json.JSONDecodeError("no", "x", 0)}[error]
    router = make_router(learn=OnlineLearner(signals=signals))
    assert ask(router, error=raised)["expert"] == "medium"
    assert router.learn.of("large").lessons == lessons
    assert router.learn.of("medium").lessons == 0


def test_the_same_question_again_soon_is_a_lesson_on_the_answer_before(make_router, clock):
    router = make_router(learn=OnlineLearner(signals=["retry"], clock=clock))
    for text, scope in (("a", None), ("b", None), ("a", "other")):
        ask(router, text, scope)
    assert router.learn.of("large").lessons == 0
    ask(router, "a")
    assert router.learn.of("large").lessons == 0.5
    clock.now += 10_000
    ask(router, "b")
    assert router.learn.of("large").lessons == 0.5


def test_the_ledger_is_looked_at_no_more_often_than_asked(make_router, clock):
    router = make_router(learn=OnlineLearner(every=5, clock=clock))
    feedback(ask(router)["call_id"], 0.0)
    ask(router)
    assert router.learn.of("large").lessons == 0
    clock.now += 5
    ask(router)
    assert router.learn.of("large").lessons == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"memory": 0}, "memory is 0"),
        ({"scope_memory": "x"}, "scope_memory is 'x'"),
        ({"signals": ["retri"]}, "'retry'"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        OnlineLearner(**options)
