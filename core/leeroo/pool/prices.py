"""What an expert costs: `Price` and its tiers."""

from functools import cached_property
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from leeroo.money import NANO
from leeroo.pool.kinds import PLAIN, Kinds
from leeroo.pool.strict import Strict


class Terms(NamedTuple):
    """What of a request moves its price.

    Attributes:
        writes: How long the provider is asked to keep the input in its cache, None: it is not asked.
        audio: Whether there is sound in it.
        searches: Searches of the web that the provider may make at most.
        service: The service tier that is asked for, None: the standard one.
    """

    writes: Literal["5m", "1h"] | None = None
    audio: bool = False
    searches: int = 0
    service: str | None = None


NO_TERMS = Terms()


class Rates(NamedTuple):
    """Nano-dollars per 1M tokens, for prompts of more than `above` tokens."""

    above: int
    input: int
    output: int
    cached: int
    write: int
    hour: int


Usd = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class PriceTier(Strict):
    """The price of the whole call once its input passes `above` tokens (long-context pricing).

    Attributes:
        above: Input tokens.
        input: USD per 1M input tokens.
        output: USD per 1M output tokens.
        cached_input: USD per 1M input tokens from the provider's cache; `input` when absent.
        cache_write: USD per 1M input tokens written to the cache; `input` when absent.
        cache_write_1h: The same for an hour; `cache_write` when absent.
    """

    above: int = Field(gt=0)
    input: Usd
    output: Usd
    cached_input: Usd | None = None
    cache_write: Usd | None = None
    cache_write_1h: Usd | None = None


class Price(Strict):
    """What an expert costs, in USD per 1M tokens.

    Attributes:
        input: Input (prompt) tokens.
        output: Output (completion) tokens, reasoning included.
        cached_input: Input tokens that the provider read from its cache; `input` when absent.
        cache_write: Input tokens that it wrote to its cache for some minutes; `input` when absent.
        cache_write_1h: Input tokens that it wrote to its cache for an hour; `cache_write` when absent.
        audio_input: Input tokens of sound; `input` when absent.
        audio_output: Output tokens of sound; `output` when absent.
        image_output: Output tokens of pictures; `output` when absent.
        request: USD per request, beside the tokens.
        search: USD per search of the web that the provider makes, beside the tokens.
        tiers: Prices of long prompts; the highest tier whose `above` is passed holds for all tokens.
        services: Prices of other service tiers by their names, such as "priority", "flex" and "batch".
    """

    input: Usd
    output: Usd
    cached_input: Usd | None = None
    cache_write: Usd | None = None
    cache_write_1h: Usd | None = None
    audio_input: Usd | None = None
    audio_output: Usd | None = None
    image_output: Usd | None = None
    request: Usd = 0.0
    search: Usd = 0.0
    tiers: tuple[PriceTier, ...] = ()
    services: dict[str, "Price"] = Field(default_factory=dict)

    # Read several times per expert and call; a pydantic private attribute would take ten times as long.
    @cached_property
    def _rates(self) -> tuple[Rates, ...]:
        """Rates by tier in whole nano-dollars per 1M tokens, dearest tier last."""

        def row(above: int, p: Price | PriceTier) -> Rates:
            cached = p.input if p.cached_input is None else p.cached_input
            write = p.input if p.cache_write is None else p.cache_write
            hour = write if p.cache_write_1h is None else p.cache_write_1h
            return Rates(above, *(round(usd * NANO) for usd in (p.input, p.output, cached, write, hour)))

        return (row(-1, self), *(row(t.above, t) for t in sorted(self.tiers, key=lambda t: t.above)))

    @cached_property
    def _ceilings(self) -> tuple[tuple[int, int, int], ...]:
        """Rows of (above, input, output): the most that a prompt of up to that length pays per 1M tokens."""
        # Whether it answers in words, sounds or pictures is the model's to say.
        rows, most_in, most_out = [], 0, max(self._nano("audio_output"), self._nano("image_output"))
        for rates in self._rates:
            most_in, most_out = max(most_in, rates.input, rates.cached), max(most_out, rates.output)
            rows.append((rates.above, most_in, most_out))
        return tuple(rows)

    @cached_property
    def _request_nano(self) -> int:
        return round(self.request * NANO)

    @cached_property
    def _bounds(self) -> dict[Terms, "Price"]:
        return {}

    def bounding(self, terms: Terms) -> "Price":
        """The price whose `worst_cost` bounds a request that is cached, spoken, searches or is served by another tier.

        Args:
            terms: What the request asks for.
        """
        if terms == NO_TERMS:
            return self
        found = self._bounds.get(terms)
        if found is None:
            if len(self._bounds) > 64:  # a caller may ask for any number of searches
                self._bounds.clear()
            found = self._bounds[terms] = self._bounding(terms)
        return found

    def unlisted(self, terms: Terms) -> tuple[str, ...]:
        """What a request asks for that has no price here, so that there is no bound of what it costs.

        Args:
            terms: What the request asks for.
        """
        found = []
        written = {"5m": self.cache_write, "1h": self.cache_write_1h}
        if terms.writes is not None and written[terms.writes] is None:
            found.append("cache_control (writing to a cache)")
        # "flex" is the cheap one: the standard price bounds it.
        if terms.service not in (None, "flex") and terms.service not in self.services:
            found.append(f"service_tier ({terms.service})")
        if terms.searches and not self.search:
            found.append("web_search")
        return tuple(found)

    def _bounding(self, terms: Terms) -> "Price":
        served = self if terms.service is None else self.services.get(terms.service, self)
        extra = [served.audio_input or 0.0] if terms.audio else []

        def dearest(p: Price | PriceTier) -> float:
            write = p.cache_write or 0.0
            written = {"5m": write, "1h": max(write, p.cache_write_1h or 0.0)}.get(terms.writes or "", 0.0)
            return max(p.input, written, *extra)

        tiers = tuple({**tier.model_dump(), "input": dearest(tier)} for tier in served.tiers)
        request = served.request + terms.searches * served.search
        # Made anew: a copy would take along what was computed of the old rates.
        bound = Price(**{**served.model_dump(exclude={"services"}), "input": dearest(served), "request": request,
                         "tiers": tiers})  # fmt: skip
        if served is self:
            return bound
        # The standard tier may serve it after all.
        return bound._or_dearer(self._bounding(terms._replace(service=None)))

    def _or_dearer(self, other: "Price") -> "Price":
        """A price whose `worst_cost` is no less than either's, whatever the lengths."""

        def most(tokens: int) -> dict[str, float]:
            both = zip(self._ceiling(tokens), other._ceiling(tokens), strict=True)
            return dict(zip(("input", "output"), (max(pair) / NANO for pair in both), strict=True))

        starts = sorted({tier.above for tier in (*self.tiers, *other.tiers)})
        tiers = tuple(PriceTier(above=start, **most(start + 1)) for start in starts)
        return Price(**most(0), request=max(self.request, other.request), tiers=tiers)

    def cost(self, input_tokens: int, output_tokens: int, cached_tokens: int = 0, kinds: Kinds = PLAIN) -> int:
        """Cost of one call in nano-dollars, rounded up.

        Args:
            input_tokens: All input tokens, the cached ones included.
            output_tokens: Output tokens.
            cached_tokens: How many of the input tokens were read from the provider's cache.
            kinds: What else of it has a price of its own.
        """
        if kinds is not PLAIN:
            return self._cost_of_kinds(input_tokens, output_tokens, cached_tokens, kinds)
        rates = self._tier(input_tokens)
        cached = min(cached_tokens, input_tokens)
        micro = (input_tokens - cached) * rates.input + cached * rates.cached + output_tokens * rates.output
        return self._request_nano + -(-micro // 1_000_000)

    def _cost_of_kinds(self, taken: int, given: int, cached: int, kinds: Kinds) -> int:
        served = self.services.get(kinds.service) if kinds.service is not None else None
        if served is not None:
            return served.cost(taken, given, cached, kinds._replace(service=None))
        rates = self._tier(taken)
        # The parts cannot be more than the whole, whatever was reported.
        micro, left = 0, taken
        for tokens, rate in (
            (cached, rates.cached),
            (kinds.cache_write_1h, rates.hour),
            (kinds.cache_write, rates.write),
            (kinds.audio_input, self._nano("audio_input") or rates.input),
        ):
            part = min(tokens, left)
            micro, left = micro + part * rate, left - part
        micro += left * rates.input
        left = given
        for tokens, name in ((kinds.audio_output, "audio_output"), (kinds.image_output, "image_output")):
            part = min(tokens, left)
            micro, left = micro + part * (self._nano(name) or rates.output), left - part
        micro += left * rates.output
        return self._request_nano + round(kinds.searches * self.search * NANO) - (-micro // 1_000_000)

    def _nano(self, name: str) -> int:
        return round((getattr(self, name) or 0.0) * NANO)

    def worst_cost(self, input_tokens: int, output_tokens: int) -> int:
        """The most in nano-dollars that a call with up to that many tokens costs, rounded up.

        The same as `cost`, but for prices that fall with length or ask more for cached tokens: it never falls as
        tokens are added.
        """
        rate_in, rate_out = self._ceiling(input_tokens)
        return self._request_nano - (-(input_tokens * rate_in + output_tokens * rate_out) // 1_000_000)

    def affordable_output(self, input_tokens: int, nano: int) -> int | None:
        """Most output tokens that an amount pays for in the worst case.

        Args:
            input_tokens: Upper bound of the input.
            nano: Nano-dollars.

        Returns:
            Tokens, by `worst_cost`; None where output is free; -1 where the input alone is too dear.
        """
        rate_in, rate_out = self._ceiling(input_tokens)
        # In millionths of a nano-dollar: rounding the input up first would lose output that the money does pay for.
        left = (nano - self._request_nano) * 1_000_000 - input_tokens * rate_in
        if left < 0:
            return -1
        return None if rate_out == 0 else left // rate_out

    def _ceiling(self, input_tokens: int) -> tuple[int, int]:
        chosen = self._ceilings[0]
        for tier in self._ceilings[1:]:
            if input_tokens > tier[0]:
                chosen = tier
        return chosen[1], chosen[2]

    def _tier(self, input_tokens: int) -> Rates:
        chosen = self._rates[0]
        for tier in self._rates[1:]:
            if input_tokens > tier.above:
                chosen = tier
        return chosen
