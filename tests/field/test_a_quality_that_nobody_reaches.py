"""`min_quality` above what any expert is known to reach says so, and so does `explain` where nothing is known."""

from leeroo import Budget, Query


def test_the_rule_says_that_none_reaches_it_and_what_the_best_has(make_router):
    call = make_router().open(Query(text="hi"), Budget(min_quality=0.99))
    assert call.decision.selection.rule == "cheapest with quality of at least 0.99: none, so the best, of 0.9"
    assert call.record["adequate"] is False
