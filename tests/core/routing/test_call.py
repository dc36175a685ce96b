import asyncio
import contextvars
import gc
import json
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import leeroo
from leeroo import (
    Budget,
    BudgetExceeded,
    ConfigError,
    Expert,
    ExpertsFailed,
    NoEligibleExpert,
    Pool,
    Price,
    PriceTier,
    Query,
    Router,
    Usage,
    last_call,
)
from leeroo.ledger.memory import MemoryLedger
from leeroo.prediction import ConstantPredictor
from tests.core.routing.refused import Refused

SECRET_TEXT = "the mole is in Vienna"


def run(router, script, query=None, budget=None, tokens=(10, 100)):
    """Do what an adapter does: each expert raises what the script says, or answers."""
    with router.open(query or Query(text="hi"), budget) as call:
        for attempt in call.attempts():
            error = script.get(attempt.expert.name)
            if error is None:
                attempt.succeeded(Usage(*tokens))
                return call
            attempt.failed(error)
        raise call.exhausted()


def test_the_record_of_an_answer(make_router):
    closed = []
    router = make_router(on_close=closed.append)
    call = run(router, {}, Query(text=SECRET_TEXT, prompt=SECRET_TEXT), Budget(min_quality=0.65, max_cost=0.01))
    record = call.record
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert SECRET_TEXT not in json.dumps(record)
    assert {k: record[k] for k in ("expert", "model", "predicted_quality", "adequate", "cost", "remaining")} == {
        "expert": "medium",
        "model": "medium-model",
        "predicted_quality": 0.7,
        "adequate": True,
        "cost": 0.00105,
        "remaining": 0.00895,
    }
    assert (record["reference_expert"], record["reference_cost"], record["saved"]) == ("large", 0.0105, 0.00945)
    assert (record["input_tokens"], record["output_tokens"], record["cached_tokens"]) == (10, 100, 0)
    assert record["budget"] == {"min_quality": 0.65, "max_cost": 0.01}
    assert [c["expert"] for c in record["candidates"]] == ["small", "medium", "large"]
    assert [(a["expert"], a["error"]) for a in record["attempts"]] == [("medium", None)]
    assert closed == router.ledger.calls() == [record]
    assert last_call() == record


def test_an_infinite_cap_keeps_the_record_json(make_router):
    record = run(make_router(), {}, budget=Budget(max_cost=float("inf"))).record
    json.dumps(record, allow_nan=False)
    assert record["remaining"] is None


def test_failover_goes_to_the_next_and_says_so(make_router):
    record = run(make_router(), {"large": Refused(503)}).record
    assert [(a["expert"], a["error"], a["status"]) for a in record["attempts"]] == [
        ("large", "server", 503),
        ("medium", None, None),
    ]
    assert (record["expert"], record["adequate"]) == ("medium", False)


def test_a_fallback_that_meets_the_rule_is_adequate(make_router):
    record = run(make_router(), {"small": Refused(503)}, budget=Budget(min_quality=0.5)).record
    assert (record["expert"], record["adequate"]) == ("medium", True)


def test_failover_takes_only_what_the_rest_of_the_budget_pays_for(make_router):
    # A timeout of medium is charged at its worst case (26 tokens in, 200 out); what is left pays for small only.
    router = make_router(quality={"small": 0.6, "medium": 0.9, "large": 0.7})
    query, budget = Query(text="hi", max_tokens=200), Budget(max_cost=0.0025, tolerance=0)
    call = run(router, {"medium": TimeoutError()}, query, budget, tokens=(10, 50))
    assert [(a["expert"], a["cost"]) for a in call.record["attempts"]] == [("medium", 0.00213), ("small", 0.00011)]
    assert (call.record["cost"], call.record["cost_is_estimate"]) == (0.00224, True)


def test_when_nothing_is_left_the_error_says_what_was_spent(make_router):
    router = make_router(quality={"small": 0.6, "medium": 0.9})
    with pytest.raises(ExpertsFailed, match=r"medium: timeout; small: budget.*0\.005 USD is on the record") as caught:
        run(router, {"medium": TimeoutError()}, budget=Budget(max_cost=0.005, tolerance=0))
    record = caught.value.record
    assert 0.0049 < record["cost"] <= 0.005
    assert router.ledger.spent() == round(record["cost"] * 1e9)
    assert router.ledger.calls() == [record]


def test_all_down_costs_nothing_and_names_each(make_router):
    script = {name: Refused(503) for name in ("small", "medium", "large")}
    with pytest.raises(
        ExpertsFailed, match=r"large: server; medium: server; small: server.*Nothing was spent"
    ) as caught:
        run(make_router(), script)
    assert caught.value.record["cost"] == 0


@pytest.mark.parametrize(("status", "kind"), [(400, "bad_request"), (401, "auth"), (404, "not_found")])
def test_a_refusal_speaks_of_one_expert_and_the_next_one_answers(make_router, status, kind):
    call = run(make_router(), {"large": Refused(status)})
    assert [(a["expert"], a["error"]) for a in call.record["attempts"]] == [("large", kind), ("medium", None)]


def test_a_request_that_a_second_expert_calls_malformed_is_raised_at_once(make_router):
    error = Refused(400)
    with pytest.raises(ExpertsFailed, match=r"'medium' failed: bad_request \(HTTP 400\)") as caught:
        run(make_router(), {"large": Refused(422), "medium": error})
    assert caught.value.__cause__ is error
    assert [a["expert"] for a in caught.value.record["attempts"]] == ["large", "medium"]


@pytest.mark.parametrize(("status", "kind"), [(400, "bad_request"), (401, "auth"), (402, "credit"), (404, "not_found")])
def test_an_only_experts_refusal_is_raised_in_its_own_words(make_router, pool, status, kind):
    error = Refused(status)
    with pytest.raises(ExpertsFailed, match=rf"'large' failed: {kind} \(HTTP {status}\)") as caught:
        run(make_router(Pool({"large": pool["large"]})), {"large": error})
    assert caught.value.__cause__ is error


def test_an_error_of_ours_keeps_its_remedy_and_one_of_others_may_hold_secrets(make_router, pool):
    alone = Pool({"large": pool["large"]})
    with pytest.raises(ExpertsFailed, match=r"'large' failed: config: .*THE_KEY, which is not set"):
        run(make_router(alone), {"large": ConfigError("Expert 'large' needs THE_KEY, which is not set.")})
    error = Refused(400)
    error.args = (SECRET_TEXT,)
    with pytest.raises(ExpertsFailed) as caught:
        run(make_router(alone), {"large": error})
    assert SECRET_TEXT not in str(caught.value) + json.dumps(caught.value.record)


def test_a_stream_that_breaks_is_charged_and_not_repeated_elsewhere(make_router):
    router = make_router()
    with router.open(Query(text="hi"), Budget(max_cost=0.02)) as call:
        attempt = next(call.attempts())
        with pytest.raises(ExpertsFailed, match="after the answer had begun") as caught:
            attempt.failed(Refused(503), received=Usage(10, 3))
    assert caught.value.record["cost"] == pytest.approx(0.02, abs=0.0002)
    assert router.ledger._reserved == {}


def test_a_useless_answer_is_charged_as_reported(make_router):
    router = make_router()
    with router.open(Query(text="hi"), Budget(max_cost=1)) as call:
        tries = call.attempts()
        next(tries).failed(json.JSONDecodeError("x", "y", 0), used=Usage(10, 20))
        next(tries).succeeded(Usage(10, 20))
    assert [a["cost"] for a in call.record["attempts"]] == [0.0025, 0.00025]
    assert not call.record["cost_is_estimate"]


@pytest.mark.parametrize("received", [Usage(10, 3, estimated=True), None, Usage(10, 3)])
def test_giving_up_costs_what_the_endpoint_says_else_the_worst_case_and_nobody_else_is_tried(make_router, received):
    router = make_router()
    with router.open(Query(text="hi")) as call:
        tries = call.attempts()
        first = next(tries)
        first.cancelled(received)
        assert list(tries) == []
    known = received is not None and not received.estimated
    assert call.record["cost"] == (0.0008 if known else first.reserved / 1e9)
    assert call.record["cost_is_estimate"] is not known
    with router.open(Query(text="hi")) as call:
        tries = call.attempts()
        next(tries).failed(asyncio.CancelledError())
        assert list(tries) == []
    assert call.record["cost"] > 0.1


def test_giving_up_a_probe_does_not_shut_the_expert_out(make_router):
    router = make_router()
    state = router.health
    state.admit(router.pool["large"])
    for _ in range(3):
        state.failed(router.pool["large"], leeroo.routing.failures.Failure("server"))
    state._states["large"].until = time.monotonic() - 1
    with router.open(Query(text="hi")) as call:
        next(call.attempts()).cancelled()
    assert state.why_not(router.pool["large"]) is None


def test_an_attempt_left_open_is_charged_at_its_worst_case_when_the_call_ends(make_router):
    router = make_router()
    with leeroo.budget(max_total_cost=1) as spent, router.open(Query(text="hi"), Budget(max_cost=0.02)) as call:
        next(call.attempts())  # and then the adapter forgets it, or raises
    assert [a["error"] for a in call.record["attempts"]] == ["cancelled"]
    assert call.record["cost"] == spent.cost > 0.01
    assert (spent._reserved, router.ledger._reserved) == (0, {})
    assert router.ledger.calls() == [call.record]


def test_an_attempt_ends_once(make_router):
    router = make_router()
    with router.open(Query(text="hi")) as call:
        attempt = next(call.attempts())
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: attempt.succeeded(Usage(10, 100)), range(50)))
        attempt.failed(Refused(400))
        attempt.cancelled()
    assert len(call.record["attempts"]) == 1
    assert call.record["cost"] == 0.0105
    assert call.finish() is call.finish() is call.record


class LimitedLedger(MemoryLedger):
    """Refuses reservations above a limit, or breaks."""

    def __init__(self, most=None, broken=False):
        super().__init__()
        self.most, self.broken = most, broken

    def reserve(self, call_id, scope, nano, **more):
        if self.most is not None and nano > self.most:
            raise BudgetExceeded("the scope's limit is used up")
        if self.broken:
            raise OSError("disk full")
        return super().reserve(call_id, scope, nano, **more)


def test_a_ledger_that_refuses_leaves_no_reservation_behind(make_router):
    router = make_router(ledger=LimitedLedger(most=0))
    with leeroo.budget(max_total_cost=1) as spent:
        with pytest.raises(BudgetExceeded, match="used up") as caught:
            run(router, {})
        assert spent.remaining == 1
    assert [a["error"] for a in caught.value.record["attempts"]] == ["budget"] * 3


def test_a_ledger_that_breaks_leaves_no_reservation_behind(make_router):
    router = make_router(ledger=LimitedLedger(broken=True))
    with leeroo.budget(max_total_cost=1) as spent:
        with pytest.raises(OSError, match="disk full"):
            run(router, {})
        assert spent.remaining == 1


def test_a_ledger_that_breaks_after_the_answer_still_leaves_it_on_the_account(make_router, monkeypatch):
    router = make_router()
    monkeypatch.setattr(router.ledger, "settle", lambda *_, **__: 1 / 0)
    with leeroo.budget(max_total_cost=1) as spent, pytest.raises(ZeroDivisionError):
        run(router, {})
    assert (spent.cost, spent._reserved) == (0.0105, 0)
    assert last_call()["cost"] == 0.0105


def test_the_deadline_bounds_attempts_and_ends_them(make_router, make_expert):
    router = make_router({"a": make_expert("a", 9, 9, timeout=50), "b": make_expert("b", timeout=1)})
    with router.open(Query(text="hi"), Budget(max_latency=0.05, tolerance=0)) as call:
        tries = call.attempts()
        first = next(tries)
        assert first.timeout <= 0.05
        time.sleep(0.06)
        first.failed(Refused(503))
        assert list(tries) == []
    assert [a["error"] for a in call.record["attempts"]] == ["server", "deadline"]
    assert next(router.open(Query(text="hi"), Budget(expert="a")).attempts()).timeout == 50


def test_an_expert_that_went_down_meanwhile_is_passed_over(make_router):
    router = make_router()
    with router.open(Query(text="hi")) as call:
        tries = call.attempts()
        first = next(tries)
        for _ in range(3):
            router.health.failed(router.pool["medium"], leeroo.routing.failures.Failure("server"))
        first.failed(Refused(503))
        assert next(tries).expert.name == "small"


def test_the_measured_latency_counts_from_the_first_token(make_router):
    router = make_router()
    with router.open(Query(text="hi")) as call:
        attempt = next(call.attempts())
        time.sleep(0.01)
        attempt.first_token()
        attempt.first_token()
        attempt.succeeded(Usage(10, 100))
    assert 0.01 <= router.health.latency(router.pool["large"], 0) < 0.5


def test_last_call_is_the_contexts_own_then_the_processs(make_router):
    router = make_router()
    mine = run(router, {}).record
    other = []
    thread = threading.Thread(target=lambda: other.append(run(router, {}).record))
    thread.start()
    thread.join()
    assert other[0]["call_id"] != mine["call_id"]
    assert last_call()["call_id"] == mine["call_id"]
    assert contextvars.Context().run(last_call)["call_id"] == other[0]["call_id"]


def test_64_threads_never_pass_a_total(make_router):
    router = make_router()
    with leeroo.budget(max_total_cost=0.05, max_cost=0.005) as spent:

        def work(i):
            for k in range(5):
                try:
                    run(router, {"medium": TimeoutError()} if (i + k) % 7 == 0 else {}, tokens=(20, 90))
                except leeroo.LeerooError:
                    continue
                assert spent._nano + spent._reserved <= 50_000_000

        contexts = [contextvars.copy_context() for _ in range(64)]
        with ThreadPoolExecutor(64) as threads:
            for future in [threads.submit(context.run, work, i) for i, context in enumerate(contexts)]:
                future.result()
    assert spent._reserved == 0
    assert 0.04 < spent.cost <= 0.05
    assert router.ledger.spent() == spent._nano


prices = st.builds(
    lambda i, o, r, t: Price(input=i, output=o, request=r, tiers=t),
    st.floats(0, 100),
    st.floats(0, 500),
    st.sampled_from([0.0, 0.0001]),
    st.lists(
        st.builds(PriceTier, above=st.integers(1, 200), input=st.floats(0, 200), output=st.floats(0, 900)), max_size=2
    ).map(tuple),
)
# One end of an attempt: an answer or a break of a stream with a share of what was reserved, or a failure.
ends = st.one_of(
    st.tuples(st.just("answer"), st.floats(0, 1), st.floats(0, 1)),
    st.tuples(
        st.sampled_from([503, 429, 408, 400, 401, "timeout", "other", "cancelled", "open", "gone"]), *[st.just(0.0)] * 2
    ),
    st.tuples(st.just("broken"), st.floats(0, 1), st.floats(0, 1)),
)


def end(attempt, how, share_in, share_out):
    """End an attempt in that way, using no more than the expert was allowed. Whether it answered."""
    cap = attempt.max_tokens or attempt.candidate.max_tokens
    usage = Usage(int(attempt.candidate.input_upper * share_in), int(cap * share_out))
    if how == "answer":
        attempt.succeeded(usage)
        return True
    if how == "broken":
        attempt.failed(ConnectionResetError(), received=usage)
    elif how == "gone":
        attempt.cancelled(usage)
    elif how != "open":
        errors = {"timeout": TimeoutError(), "other": RuntimeError(), "cancelled": asyncio.CancelledError()}
        attempt.failed(errors.get(how) or Refused(how))
    return False


@settings(max_examples=100, deadline=None)
@given(
    st.lists(prices, min_size=1, max_size=4),
    st.lists(st.lists(ends, min_size=4, max_size=4), min_size=1, max_size=5),
    st.floats(0, 0.2),
    st.floats(0, 0.5),
    st.none() | st.integers(1, 500),
)
def test_whatever_happens_no_cap_is_passed_and_no_reservation_stays(price_list, calls, max_cost, total, max_tokens):
    experts = {
        f"e{i}": Expert(model=f"test:{i}", price=price, max_output_tokens=400) for i, price in enumerate(price_list)
    }
    ledger = MemoryLedger()
    router = Router(experts, predictor=ConstantPredictor(output_tokens=60), ledger=ledger)
    records, refused = [], []
    with leeroo.budget(max_total_cost=total) as spent:
        for script in calls:
            try:
                with router.open(Query(text="hello there", max_tokens=max_tokens), Budget(max_cost=max_cost)) as call:
                    for attempt, how in zip(call.attempts(), script, strict=False):
                        assert spent._nano + spent._reserved <= leeroo.money.to_nano(total)
                        if end(attempt, *how):
                            break
            except leeroo.LeerooError as error:
                if not isinstance(error, ExpertsFailed):
                    refused.append(error)
                    continue
            records.append(call.record)
            assert call.record["cost"] <= max_cost
            assert call.record["remaining"] >= 0
            json.dumps(call.record, allow_nan=False)
        assert spent.cost <= total
    assert (spent._reserved, ledger._reserved) == (0, {})
    # Refused before anything was spent: for money, or because every expert is cooling down.
    assert all(isinstance(error, (BudgetExceeded, NoEligibleExpert)) and error.record for error in refused)
    # A call in which nobody could be asked (the only expert cooling down, or too dear by now) is none.
    assert spent.calls == sum(any("status" in line for line in record["attempts"]) for record in records)
    assert spent._nano == ledger.spent() == sum(round(r["cost"] * 1e9) for r in records)
    assert [r["call_id"] for r in ledger.calls()] == [r["call_id"] for r in records]


def test_a_call_that_is_over_is_freed_at_once_and_its_prompt_with_it(make_router):
    gc.disable()
    try:
        call = make_router().open(Query(text="hi"))
        with call:
            for attempt in call.attempts():
                attempt.succeeded(Usage(1, 1))
                break
        freed = weakref.ref(call)
        del call, attempt
        assert freed() is None
    finally:
        gc.enable()
