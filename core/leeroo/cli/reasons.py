"""Why an expert was chosen, in words that a person can use."""

from collections.abc import Iterable

from leeroo.budget import DEFAULT_TOLERANCE
from leeroo.prediction.predictor import Predictor
from leeroo.prediction.response import ResponsePredictor
from leeroo.routing.decision import Decision
from leeroo.selection.selector import Candidate
from leeroo.visible import counted

FAR = 0.5
"""Novelty from which a request is unlike what was seen."""
TELLING = 0.15
"""Share from which a kind of work is named: of what is like nothing, each has about a tenth."""
MOSTLY = 0.5
"""Share of the kinds named, together, from which a request is like them: what is left is spread over all."""


def likeness(kinds: Iterable[tuple[str, float]], novelty: float) -> tuple[str, bool]:
    """What a request is like, and whether it is like anything.

    All kinds of work are not known, and a request is always likest to one that is: so it is not said to be such work.

    Args:
        kinds: Kinds of work, with shares.
        novelty: How unlike all that was seen, 0 to 1.
    """
    named = [(kind, share) for kind, share in kinds if share >= TELLING]
    if not named:
        return "The request is like no work that outcomes are known of.", False
    # With semicolons: what a kind is called may hold commas.
    shares = "; ".join(f"{kind} ({share:.0%})" for kind, share in named)
    if novelty >= FAR or sum(share for _, share in named) < MOSTLY:
        return f"The request is unlike the work that outcomes are known of; the nearest is: {shares}.", True
    return f"Of the work that outcomes are known of, the request is most like: {shares}.", True


def explained(decision: Decision, predictor: Predictor) -> list[str]:
    """What the request is like, how each expert does on that kind of work, and what tipped the choice.

    Args:
        decision: The decision.
        predictor: Asked for the outcomes behind it.
    """
    lines, like = [], False
    if decision.kinds:
        words, like = likeness(decision.kinds, decision.novelty)
        lines.append(words)
    if decision.kinds and isinstance(predictor, ResponsePredictor) and predictor.knowledge is not None:
        kind = decision.kinds[0][0]
        rates = predictor.knowledge.rates([c.expert for c in decision.candidates], kind)
        if not like:  # so nobody's outcomes are of it
            rates = [(None, 0) for _ in rates]
        nobody = all(rate is None for rate, _ in rates)
        if nobody and like:
            lines.append(f"None of these experts has outcomes on {kind}: how they do on other work counts.")
        for c, (rate, count) in zip(decision.candidates, rates, strict=True):
            there = f"{rate:.2f} in {counted(count, 'outcome')} on {kind}; " if rate is not None else ""
            there = there or ("" if nobody else f"no outcomes on {kind}; ")
            lines.append(f"{c.expert.name}: {there}estimated from {c.grounds or c.source}, give or take {c.doubt:.2f}.")
    return [*lines, *_tipped(decision)]


def repeats_in_words(repeats: int, decision: Decision) -> list[str]:
    """How often one expert may be asked in a call that consults, and who only once; nothing where each is once.

    Args:
        repeats: How often one expert may be asked.
        decision: Who may be asked.
    """
    if repeats == 1:
        return []
    once = {c.expert.name: c.expert.sampling.fixed for c in decision.selection.order}
    but = "; ".join(f"{name} once, its {why}" for name, why in once.items() if why)
    return [f"One expert may be asked up to {repeats} times{f' ({but})' if but else ''}."]


def _tipped(decision: Decision) -> list[str]:
    order = decision.selection.order
    if len(order) < 2:
        return []
    chosen, best = order[0], max(order, key=lambda c: c.quality)
    if chosen is not best:
        return [f"{chosen.expert.name} is cheaper than {best.expert.name}, and {_worth(decision, chosen, best)}."]
    cheaper = [c for c in order if c.expected_cost < chosen.expected_cost]
    if not cheaper:
        return [f"{chosen.expert.name} is expected to be the best and the cheapest."]
    near = max(cheaper, key=lambda c: c.quality)
    return [f"{near.expert.name} would be cheaper, but {_worth(decision, near, chosen)}."]


def _worth(decision: Decision, cheaper: Candidate, best: Candidate) -> str:
    """How a cheaper expert compares with the best one by the rule, in words."""
    gap, budget, name = best.quality - cheaper.quality, decision.budget, best.expert.name
    if budget.willingness_to_pay is not None:
        return f"is expected to be {gap:.2f} worse, which the rule weighs against the price"
    if budget.min_quality is not None:
        reached = "reaches" if decision.selection.is_adequate(cheaper) else "does not reach"
        quality, asked = _told_apart(cheaper.quality, budget.min_quality)
        return f"{reached} the quality that was asked for: {quality} of {asked}"
    tolerance = DEFAULT_TOLERANCE if budget.tolerance is None else budget.tolerance
    margin = decision.selection.margin.get(cheaper.expert.name, 0.0)
    lost, alike = _told_apart(gap, tolerance - margin)
    worse = f"is expected to be {lost} worse than {name}"
    if tolerance - margin < 0:
        return f"{worse}: too little is known of the two to take it for its price at the confidence that was asked"
    doubt = " for what is not known of the two" if margin < -0.005 else ""
    return f"{worse}: up to {alike} counts as alike{doubt}"


def _told_apart(one: float, other: float) -> tuple[str, str]:
    """Two numbers with two decimals, and more where they would look the same."""
    digits = next((d for d in (2, 3, 4) if round(one, d) != round(other, d)), 2)
    return f"{one:.{digits}f}", f"{other:.{digits}f}"
