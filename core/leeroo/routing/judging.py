"""What each expert would be worth and cost for one request, and why it cannot be used: `judge`."""

from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from leeroo.budget import Budget
from leeroo.money import exact_usd
from leeroo.pool.caching import needs_marks, writes_of
from leeroo.pool.experts import Expert
from leeroo.pool.kinds import PLAIN, Kinds
from leeroo.pool.media import most_tokens_of
from leeroo.pool.prices import NO_TERMS
from leeroo.pool.prices import Terms as PriceTerms
from leeroo.pool.thinking import room, thought_of
from leeroo.pool.tokens import TokenCount
from leeroo.query import Query
from leeroo.routing.decision import least_cost
from leeroo.routing.health import Health, key_of
from leeroo.routing.output_caps import CAPPED
from leeroo.selection.selector import Candidate, Selection, select

if TYPE_CHECKING:
    from leeroo.prediction.predictor import Prediction

TAIL = "1 in 20 answers takes"
"""How the reason begins why an expert that is late now and then cannot be used."""
CRAMPED = "thinks first:"
"""How the reason begins why a reasoning model is left out whose cap would be used up before it says anything."""


FAIR_SHARE = 4
"""How many times its expected length an answer may take of money that others share."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What every expert is judged by.

    Attributes:
        query: The request.
        budget: The merged budget.
        cap: Nano-dollars that the call may spend, None for no limit.
        pinned: Name of the one expert that the call may use, None for all.
        health: Which experts are up and how fast they answer.
        asked: What of the request moves prices.
    """

    query: Query
    budget: Budget
    cap: int | None
    pinned: str | None
    health: Health
    asked: PriceTerms = NO_TERMS

    @property
    def has_own_cap(self) -> bool:
        """Whether the call has money of its own to use up; what is a scope's or a block's is others', too."""
        return self.budget.max_cost is not None and self.budget.max_cost != inf


class Estimate(NamedTuple):
    """What the predictor says of one expert on one request.

    Attributes:
        quality: 0..1.
        output_tokens: Expected.
        source: Where it comes from.
        doubt: Its standard deviation for what is not known of the expert.
        grounds: What it rests on, in plain words.
    """

    quality: float
    output_tokens: int
    source: str
    doubt: float = 0.0
    grounds: str = ""


def estimates(prediction: "Prediction") -> list[Estimate]:
    """The estimates of a prediction's first query, one per expert."""
    quality, tokens = prediction.quality[0].tolist(), prediction.output_tokens[0].tolist()
    doubt = [0.0] * len(quality) if prediction.doubt is None else prediction.doubt[0].tolist()
    grounds = prediction.grounds or ("",) * len(quality)
    columns = zip(quality, tokens, prediction.sources, doubt, grounds, strict=True)
    return [Estimate(q, int(t + 0.5), source, d, said) for q, t, source, d, said in columns]


def judge(terms: Terms, expert: Expert, estimate: Estimate, tokens: TokenCount) -> Candidate:
    """Judge an expert.

    Args:
        terms: The request and its limits.
        expert: Who is judged.
        estimate: What the predictor says of it.
        tokens: Of the prompt.
    """
    query, cap, price, output_tokens = terms.query, terms.cap, expert.known_price, estimate.output_tokens
    asked = _asked_of(terms.asked, expert)
    bound = price if asked is NO_TERMS else price.bounding(asked)
    most = _most_of(terms, expert, output_tokens, tokens)
    said = terms.health.output_caps.most(key_of(expert), tokens.expected)
    narrowed = said is not None and said < most
    # What the predictor knows is how long answers are; a reasoning model is billed for what it thinks before, too.
    thought = thought_of(expert)
    expected_output = max(1, min(thought.before(output_tokens) + output_tokens, most))
    cut = said is not None and said < expected_output
    if said is not None:
        most, expected_output = min(most, said), min(expected_output, said)
    pays = None if cap is None else bound.affordable_output(tokens.upper, cap)
    affordable = pays is None or pays >= expected_output
    if pays is not None and affordable:
        most = min(most, pays)
    cached = _cached_of(query, expert, asked)
    candidate = Candidate(
        expert=expert,
        quality=estimate.quality,
        source=estimate.source,
        doubt=estimate.doubt,
        grounds=estimate.grounds,
        input_tokens=tokens.expected,
        input_upper=tokens.upper,
        output_tokens=expected_output,
        expected_cost=price.cost(tokens.expected, expected_output, cached, _expected_kinds(asked, cached, tokens)),
        worst_cost=bound.worst_cost(tokens.upper, most),
        max_tokens=most,
        latency=terms.health.latency(expert, expected_output),
        price=None if bound is price else bound,
        narrowed=narrowed,
        kept=asked.writes,
    )
    reason = _why_not(terms, candidate, None if affordable else cap, thought.least)
    if reason is None and cut and terms.pinned is None:
        reason = f"{CAPPED} {said} tokens of output, and the answer takes more; set its max_output_tokens, or top it up"
    return candidate if reason is None else replace(candidate, ineligible=reason)


def _cached_of(query: Query, expert: Expert, asked: PriceTerms) -> int:
    """Tokens of the prompt that the expert kept from the turn before, where it keeps any unasked or was asked to."""
    if query.last_expert != expert.name or (asked.writes is None and needs_marks(expert)):
        return 0
    return query.cached_tokens


def _most_of(terms: Terms, expert: Expert, output_tokens: int, tokens: TokenCount) -> int:
    """The output cap by what was asked for, the expert's own limits, and its share of money that others use, too."""
    query = terms.query
    most = min(query.max_tokens or expert.max_output_tokens, expert.max_output_tokens)
    if query.max_tokens is None and not terms.has_own_cap and "max_output_tokens" not in expert.model_fields_set:
        most = min(most, max(room(expert), FAIR_SHARE * output_tokens))
    if expert.context_window is not None:
        most = min(most, max(1, expert.context_window - tokens.expected))
    return most


def price_terms(query: Query) -> PriceTerms:
    """What of a request moves prices."""
    found = PriceTerms(query.cache_writes, "audio" in query.needs, query.searches, query.service)
    return NO_TERMS if found == NO_TERMS else found


def _asked_of(asked: PriceTerms, expert: Expert) -> PriceTerms:
    """What of a request moves one expert's price: itself may ask for a service tier or a cache, or refuse the cache."""
    if asked.writes is None and expert.prompt_cache is None and expert.service is None:
        return asked
    found = asked._replace(writes=writes_of(expert, asked.writes), service=asked.service or expert.service)
    return NO_TERMS if found == NO_TERMS else found


def _expected_kinds(asked: PriceTerms, cached: int, tokens: TokenCount) -> Kinds:
    """What is expected to cost otherwise than plain text: what a request asks to be kept is written once."""
    if asked.service is None and asked.writes is None:
        return PLAIN
    written = max(0, tokens.expected - cached)
    hour = written if asked.writes == "1h" else 0
    return Kinds(written if asked.writes == "5m" else 0, hour, service=asked.service)


def _why_not(terms: Terms, candidate: Candidate, passed: int | None, thought: int) -> str | None:
    """Why an expert cannot be used, or None.

    Args:
        terms: The request and its limits.
        candidate: Who.
        passed: The cap that its answer would pass, if it would.
        thought: Tokens that it thinks at least.
    """
    expert, query, limit = candidate.expert, terms.query, terms.budget.max_latency
    if terms.pinned is not None and expert.name != terms.pinned:
        return f"the call is pinned to {terms.pinned}"
    if not query.needs <= expert.capabilities:
        return f"cannot do {', '.join(sorted(query.needs - expert.capabilities))}"
    window = expert.context_window
    if window is not None and candidate.input_tokens >= window:
        return f"the prompt has about {candidate.input_tokens} tokens, its context window {window}"
    late = None if limit is None else _too_late(candidate, limit, terms.health)
    if late is not None:
        return late
    if passed is not None:
        return f"over budget: its answer may cost {exact_usd(least_cost(candidate))}, {exact_usd(passed)} is left"
    if terms.cap is not None:
        unkept = _unbounded(terms, expert) or terms.health.why_no_cap_holds(expert)
        if unkept is not None:
            return unkept
    if terms.pinned is not None:
        return None
    if query.max_tokens is not None and query.max_tokens <= thought:
        return f"{CRAMPED} about {thought} tokens, and max_tokens={query.max_tokens} would leave no answer"
    health = terms.health
    return health.why_not(expert) or health.windows.why_not(key_of(expert), candidate.input_tokens)


def _unbounded(terms: Terms, expert: Expert) -> str | None:
    """What of a request has no bound of its price at an expert, so that no cap can be kept, or None."""
    own = (f"{name} (set on its model)" for name in expert.unpriced)
    unlisted = expert.known_price.unlisted(_asked_of(terms.asked, expert))
    unknown = (*terms.query.unpriced, *own, *unlisted)
    if unknown:
        remedy = "; state it in the expert's price, 0 included" if unlisted else ""
        return f"no price is known for {', '.join(unknown)}, so no cap can be kept{remedy}"
    for medium in terms.query.attachments:
        if most_tokens_of(medium, expert) is None:
            return (
                f"no bound is known for what its {medium.kind} input costs there, so no cap can be kept; "
                f"state media_tokens: {{{medium.kind}: ...}} for the expert"
            )
    return None


def _too_late(candidate: Candidate, limit: float, health: Health) -> str | None:
    """Why an answer is not expected within `limit` seconds, or None."""
    if candidate.latency is not None and candidate.latency > limit:
        return f"about {candidate.latency:.2f} s, over max_latency={limit}"
    slow = health.latency(candidate.expert, candidate.output_tokens, slow=True)
    if slow is not None and slow > limit:
        return f"{TAIL} {slow:.2f} s or more, over max_latency={limit}"
    return None


def sticky(query: Query, budget: Budget, candidates: tuple[Candidate, ...]) -> Selection | None:
    """The selection of a request that goes on with its expert; None where it has none, or it cannot be used."""
    if query.sticky is None or budget.expert is not None:
        return None
    chosen = [c for c in candidates if c.expert.name == query.sticky and c.ineligible is None]
    if not chosen:
        return None
    others = select([c for c in candidates if c.expert.name != query.sticky], budget).order
    return Selection((*chosen, *others), adequate=True, rule=f"{query.sticky}: {query.sticky_reason}")
