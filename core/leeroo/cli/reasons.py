"""Why an expert was chosen, in words that a person can use."""

from leeroo.prediction.predictor import Predictor
from leeroo.prediction.response import ResponsePredictor
from leeroo.routing.decision import Decision
from leeroo.selection.selector import Candidate


def explained(decision: Decision, predictor: Predictor) -> list[str]:
    """What the request looks like, how each expert does on that kind of work, and what tipped the choice.

    Args:
        decision: The decision.
        predictor: Asked for the outcomes behind it.
    """
    lines = []
    if decision.kinds:
        shares = [f"{kind} ({share:.0%})" for kind, share in decision.kinds if share >= 0.1]
        lines.append(f"The request looks like: {', '.join(shares) or 'nothing that outcomes are known of'}.")
    if decision.kinds and isinstance(predictor, ResponsePredictor) and predictor.knowledge is not None:
        kind = decision.kinds[0][0]
        experts = [c.expert for c in decision.candidates]
        rates = predictor.knowledge.rates(experts, kind)
        for c, (rate, count) in zip(decision.candidates, rates, strict=True):
            there = f"{rate:.2f} in {count} outcomes on {kind}; " if rate is not None else ""
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
    if chosen is best:
        cheaper = [c for c in order if c.expected_cost < chosen.expected_cost]
        if not cheaper:
            return [f"{chosen.expert.name} is expected to be the best and the cheapest."]
        near = max(cheaper, key=lambda c: c.quality)
        gap = f"{chosen.quality - near.quality:.2f} worse than {chosen.expert.name}"
        return [f"{near.expert.name} would be cheaper; it is expected to be {gap}, and {_sure(near, chosen)}."]
    gap = f"{best.quality - chosen.quality:.2f}"
    return [f"{chosen.expert.name} is cheaper than {best.expert.name} and expected to be only {gap} worse."]


def _sure(cheaper: Candidate, best: Candidate) -> str:
    doubt = max(cheaper.doubt, best.doubt)
    return (
        "that is fairly sure" if doubt < 0.05 else f"too little is known to take it for its price (doubt {doubt:.2f})"
    )
