"""What an expert costs: `Price` and its tiers."""

from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field

from leeroo.money import NANO


class Strict(BaseModel):
    """Base of what is read from users: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class PriceTier(Strict):
    """The price of the whole call once its input passes `above` tokens (long-context pricing).

    Attributes:
        above: Input tokens.
        input: USD per 1M input tokens.
        output: USD per 1M output tokens.
        cached_input: USD per 1M input tokens from the provider's cache; `input` when absent.
    """

    above: int = Field(gt=0)
    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)
    cached_input: float | None = Field(default=None, ge=0, allow_inf_nan=False)


class Price(Strict):
    """What an expert costs, in USD per 1M tokens.

    Attributes:
        input: Input (prompt) tokens.
        output: Output (completion) tokens, reasoning included.
        cached_input: Input tokens that the provider read from its cache; `input` when absent.
        request: USD per request, beside the tokens.
        tiers: Prices of long prompts; the highest tier whose `above` is passed holds for all tokens.
    """

    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)
    cached_input: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    request: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    tiers: tuple[PriceTier, ...] = ()

    # Read several times per expert and call; a pydantic private attribute would take ten times as long.
    @cached_property
    def _rates(self) -> tuple[tuple[int, int, int, int], ...]:
        """Rows of (above, input, output, cached input) in whole nano-dollars per 1M tokens, dearest tier last."""

        def row(above: int, p: Price | PriceTier) -> tuple[int, int, int, int]:
            cached = p.input if p.cached_input is None else p.cached_input
            return (above, round(p.input * NANO), round(p.output * NANO), round(cached * NANO))

        return (row(-1, self), *(row(t.above, t) for t in sorted(self.tiers, key=lambda t: t.above)))

    @cached_property
    def _ceilings(self) -> tuple[tuple[int, int, int], ...]:
        """Rows of (above, input, output): the most that a prompt of up to that length pays per 1M tokens."""
        rows, most_in, most_out = [], 0, 0
        for above, rate_in, rate_out, rate_cached in self._rates:
            most_in, most_out = max(most_in, rate_in, rate_cached), max(most_out, rate_out)
            rows.append((above, most_in, most_out))
        return tuple(rows)

    @cached_property
    def _request_nano(self) -> int:
        return round(self.request * NANO)

    def cost(self, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> int:
        """Cost of one call in nano-dollars, rounded up.

        Args:
            input_tokens: All input tokens, the cached ones included.
            output_tokens: Output tokens.
            cached_tokens: How many of the input tokens were read from the provider's cache.
        """
        _, rate_in, rate_out, rate_cached = self._tier(input_tokens)
        cached = min(cached_tokens, input_tokens)
        micro = (input_tokens - cached) * rate_in + cached * rate_cached + output_tokens * rate_out
        return self._request_nano + -(-micro // 1_000_000)

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

    def _tier(self, input_tokens: int) -> tuple[int, int, int, int]:
        chosen = self._rates[0]
        for tier in self._rates[1:]:
            if input_tokens > tier[0]:
                chosen = tier
        return chosen
