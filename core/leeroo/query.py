"""One request as the router sees it: `Query`."""

from dataclasses import astuple, dataclass
from typing import Literal

from leeroo.errors import InvalidRequest

Capability = Literal["tools", "structured_output", "vision", "audio", "documents", "streaming"]
"""What a request may need, and an expert may be able to do, beside text."""

MEDIA_TOKENS = 1_600
"""Input tokens assumed for one image, sound or document: about what large providers charge for a large picture."""

TOOL_TOKENS = 400
"""Input tokens assumed for the instructions that providers add when tools are given."""


@dataclass(frozen=True, slots=True)
class Medium:
    """One picture, sound, film or document of a request, measured; its data is not kept.

    Attributes:
        kind: What an expert must be able to do to read it.
        width: Pixels of a picture, 0 where not known.
        height: Pixels.
        seconds: Of a sound, None where not known.
    """

    kind: Capability
    width: int = 0
    height: int = 0
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Sampling:
    """What is known of how an answer is drawn; None where nothing is said.

    Attributes:
        temperature: 0: always the likeliest token.
        top_p: 0: the same.
        top_k: 1: the same.
        seed: The same draw each time, as far as the endpoint can.
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None

    def over(self, other: "Sampling") -> "Sampling":
        """This, and the other's where this says nothing."""
        own, others = astuple(self), astuple(other)
        return Sampling(*(b if a is None else a for a, b in zip(own, others, strict=True)))

    @property
    def fixed(self) -> str | None:
        """Why the same request is answered the same again; None where answers may differ."""
        if self.temperature == 0:
            return "temperature is 0"
        if self.top_p == 0 or self.top_k == 1:
            return "top_p is 0" if self.top_p == 0 else "top_k is 1"
        return None if self.seed is None else "a seed is set"


@dataclass(frozen=True, slots=True)
class Query:
    """The text and the needs of one request.

    Attributes:
        text: What the predictor reads: the newest thing that the user asked, with what it needs of the conversation to
            be understood (`leeroo.conversation.scored_text`).
        prompt: Everything that the expert will read, tool schemas included; only counted, never kept. `text` where
            it is empty.
        rest: What else is sent and is not in `prompt` (`leeroo.pool.forwarded.everything` of it). Whether a model reads
            it only its endpoint knows, so it counts in full in the worst case and not at all in what is expected.
        messages: Number of messages, for the chat format's own tokens.
        media: Number of non-text parts.
        attachments: Those parts, measured, so that each counts in the worst case by its provider's rule; without it
            each is taken for `MEDIA_TOKENS`.
        unpriced: Names of what the request asks for whose price is not known; no cap can be kept with it.
        needs: Capabilities that an expert must have.
        max_tokens: The output cap that the caller asked for.
        sticky: Expert that must go on, because the request continues its tool loop.
        sticky_reason: Why, for the record.
        last_expert: Expert that answered the previous turn, whose provider may have the history in its cache.
        cached_tokens: Input tokens that `last_expert` is expected to read from its cache.
        cache_writes: How long the provider is asked to keep the input in its cache, None: it is not asked.
        searches: Searches of the web that the provider may make at most.
        service: The service tier that is asked for, None: the standard one.
        sampling: How the answer is to be drawn, as far as the request says.
    """

    text: str
    prompt: str = ""
    rest: str = ""
    messages: int = 1
    media: int = 0
    attachments: tuple[Medium, ...] = ()
    unpriced: tuple[str, ...] = ()
    needs: frozenset[Capability] = frozenset()
    max_tokens: int | None = None
    sticky: str | None = None
    sticky_reason: str = "a tool loop stays with its expert"
    last_expert: str | None = None
    cached_tokens: int = 0
    cache_writes: Literal["5m", "1h"] | None = None
    searches: int = 0
    service: str | None = None
    sampling: Sampling = Sampling()

    def __post_init__(self) -> None:
        if self.messages < 1:
            raise InvalidRequest("There are no messages: give at least one.")
        if not self.text.strip() and not self.prompt.strip() and not self.media:
            raise InvalidRequest("The message is empty: there is nothing to answer. Give some text.")
        if self.max_tokens is not None and (
            isinstance(self.max_tokens, bool) or not isinstance(self.max_tokens, int) or self.max_tokens < 1
        ):
            raise InvalidRequest(f"max_tokens is {self.max_tokens!r}; give a whole number, 1 or more.")

    @property
    def overhead(self) -> int:
        """Upper bound of the tokens that the chat format, media and tools add to the text."""
        return 16 + 8 * self.messages + MEDIA_TOKENS * self.media + (TOOL_TOKENS if "tools" in self.needs else 0)
