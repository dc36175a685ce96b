"""`leeroo ask`, `leeroo explain` and `leeroo demo`: one question, the decision on it, a dozen questions."""

import time
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from leeroo.budget import Budget
from leeroo.cli.options import AsJson, PoolOption, with_budget
from leeroo.cli.pools import open_router
from leeroo.cli.printing import cell, out, paragraph, print_json, text_of
from leeroo.cli.reasons import explained, repeats_in_words
from leeroo.errors import ConfigError
from leeroo.money import show_usd, to_nano, to_usd
from leeroo.prediction.response import ResponsePredictor
from leeroo.query import Query
from leeroo.routing.decision import Decision
from leeroo.routing.router import Router
from leeroo.routing.telling import HELPS
from leeroo.visible import visible, visible_lines


@with_budget
def ask(
    text: Annotated[str, typer.Argument(help="The question; - reads it from standard input.")],
    budget: Budget,
    pool: PoolOption = None,
    max_tokens: Annotated[int | None, typer.Option(help="Output cap in tokens.")] = None,
    hedge: Annotated[bool, typer.Option("--hedge", help="Ask the next expert, too, when the first is slow.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask one question and print the answer, who gave it, and what it cost.

    Example: `leeroo ask "What is the capital of France?" --max-cost 0.001`
    """
    from leeroo.endpoints.openai_compatible import ask as ask_expert

    with open_router(pool, run=True) as router:
        answer = ask_expert(router, text_of(text), budget, max_tokens=max_tokens, hedge=hedge)
    if as_json:
        print_json({"answer": answer.text, **answer.record})
        return
    out.print(visible_lines(answer.text.strip()), markup=False, highlight=False)
    record = answer.record
    saved = f", saved {show_usd(record['saved'])} against {record['reference_expert']}" if record["saved"] else ""
    quality = record["predicted_quality"]
    cost = show_usd(record["cost"])
    out.print(
        f"[dim]{cell(record['expert'])} (predicted quality {quality:.2f}; {cell(record['rule'])}) · {cost}{saved} "
        f"· {answer.seconds:.1f} s · call {record['call_id']}[/dim]"
    )


@with_budget
def explain(
    text: Annotated[str, typer.Argument(help="The question; - reads it from standard input.")],
    budget: Budget,
    pool: PoolOption = None,
    as_json: AsJson = False,
) -> None:
    """Show the decision for a question with every candidate; no call is made.

    Example: `leeroo explain "Prove that sqrt(2) is irrational." --min-quality 0.8`
    """
    question = text_of(text)
    with open_router(pool, run=False) as router:
        budget = budget.over(router.budget)
        cap = None if budget.max_cost in (None, float("inf")) else to_nano(budget.max_cost or 0.0)
        loading = _loaded(router)
        decision = router.decide(Query(text=question, prompt=question), budget, cap)
        reasons = explained(decision, router.predictor)
        if budget.consults:
            reasons.append(f"Consult model: {router.consulting.in_use().words}.")
            reasons += repeats_in_words(router.consulting.repeats, decision)
    if as_json:
        order = decision.selection.order
        print_json(
            {
                "expert": order[0].expert.name if order else None,
                "adequate": decision.selection.adequate,
                "rule": decision.selection.rule,
                "novelty": decision.novelty,
                "kinds": dict(decision.kinds),
                "reasons": reasons,
                "fallbacks": [c.expert.name for c in order[1:]],
                "candidates": [c.to_dict() for c in decision.candidates],
                "budget": budget.to_dict(),
                "router_latency": decision.seconds,
                "loading": loading,
            }
        )
    else:
        _print_decision(decision)
        for line in reasons:
            paragraph(visible(line))
        paragraph(
            f"The predictor was loaded before that, in {1000 * loading:.0f} ms; a router loads it once.", style="dim"
        )


def demo(as_json: Annotated[bool, typer.Option("--json", help="Print the calls' records as JSON.")] = False) -> None:
    """Route a dozen real questions over two local LLMs, with budgets, a failover and a refusal on purpose.

    Needs no key and no GPU. Example: `leeroo demo --json`
    """
    from leeroo.cli.demo import run

    run(out, as_json=as_json)


def _loaded(router: Router) -> float:
    """Load the predictor, which is no part of how long a decision takes; returns the seconds that it took."""
    began = time.perf_counter()
    if isinstance(router.predictor, ResponsePredictor):
        router.predictor.encode(())
    return time.perf_counter() - began


def _print_decision(decision: Decision) -> None:
    order = {c.expert.name: place for place, c in enumerate(decision.selection.order)}
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        title=f"{decision.selection.rule} · decided in {1000 * decision.seconds:.1f} ms",
    )
    timed = any(c.latency is not None for c in decision.candidates)
    columns = ("", "expert", "quality", "from", "output", "expected", "worst case", *(["latency"] if timed else []))
    for column in columns:
        # A long name is folded rather than a number cut short.
        table.add_column(
            column, no_wrap=column != "expert", overflow="fold", min_width=10 if column == "expert" else None
        )
    for c in decision.candidates:
        place = order.get(c.expert.name)
        mark = "no" if place is None else ("chosen" if place == 0 else f"then {place}")
        latency = ["?" if c.latency is None else f"{c.latency:.1f} s"] if timed else []
        money = (show_usd(to_usd(c.expected_cost)), show_usd(to_usd(c.worst_cost)))
        written = f"{c.output_tokens:,}"  # thinking included: why a cheap model may cost more
        table.add_row(mark, cell(c.expert.name), f"{c.quality:.3f}", c.source, written, *money, *latency)
    out.print(table)
    for c in decision.candidates:
        if c.ineligible:
            paragraph(f"{visible(c.expert.name)} is not eligible: {visible(c.ineligible)}")
    if len(decision.candidates) > 1 and len({round(c.quality, 6) for c in decision.candidates}) == 1:
        paragraph(f"All qualities are equal: nothing is known that tells these models apart. {HELPS}")
    if not decision.selection.order:
        raise ConfigError("No expert is eligible for this question under this budget.")
