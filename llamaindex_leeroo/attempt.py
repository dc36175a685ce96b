"""One attempt at one expert: what is asked (`Request`), and the attempt with everything it holds (`Try`)."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from llama_index.core.base.llms.types import ChatMessage

from leeroo import Attempt, Budget, Call, InvalidRequest, Query, Usage
from leeroo.endpoints.parameters import taken
from leeroo.routing.answers import UselessAnswer
from llamaindex_leeroo import parameters
from llamaindex_leeroo.answers import fault, no_form_of
from llamaindex_leeroo.base import RoutedLLM
from llamaindex_leeroo.caching import asking, without_marks
from llamaindex_leeroo.caps import capped
from llamaindex_leeroo.lending import Loan, is_openai_family
from llamaindex_leeroo.logprobs import may_ask
from llamaindex_leeroo.messages import MadeBy, copied
from llamaindex_leeroo.steps import END, Step, Steps
from llamaindex_leeroo.usage import Listener, Tally

T = TypeVar("T")
NOTHING = Usage(0, 0)
NOT_TAKEN = re.compile(r"unexpected keyword argument '(\w+)'")


@dataclass
class Request(Generic[T]):
    """One request, ready to be tried.

    Attributes:
        query: As the router sees it.
        budget: The call's own budget.
        invoke: Calls the expert's method: gets the LLM, the expert's name, fresh kwargs, and the running try.
        kwargs: What goes to the expert beside.
        output_cls: The form of a structured answer.
        overhear: Whether usage must be learned from the LLM's events, because the result does not tell it.
        lend_prompt: Whether the expert is to add the router's system prompt, since nobody has done it before.
    """

    query: Query
    budget: Budget
    invoke: Callable[["Try"], Any]
    kwargs: dict[str, Any] = field(default_factory=dict)
    output_cls: type | None = None
    overhear: bool = False
    lend_prompt: bool = False


class Try:
    """One attempt with everything it holds: the lent LLM, the tally of its tokens, its end.

    Attributes:
        seconds: How long it may still be waited for.
        more: Parameters beside the request's own.

    Args:
        owner: The router's LLM.
        request: What is asked.
        call: The call.
        attempt: The core's attempt.
    """

    def __init__(self, owner: RoutedLLM, request: Request[Any], call: Call, attempt: Attempt) -> None:
        self.name = attempt.expert.name
        self.attempt = attempt
        self.tally = Tally(attempt.expert, attempt.candidate.input_tokens, attempt.candidate.input_upper)
        self.listener: Listener | None = None
        self.settled = False
        self.seconds = attempt.timeout
        self._invoke = request.invoke
        self._output_cls = request.output_cls
        self._call = call
        self.more: Mapping[str, Any] = {}
        llm = owner.llm_of(self.name)
        manager = owner.callback_manager if owner.callback_manager.handlers else None
        if request.overhear:
            manager = self.listener = Listener(manager or llm.callback_manager, self.tally.usage_of)
        self._kwargs = asking(attempt.expert, request.query, capped(request.kwargs, type(llm), attempt.max_tokens))
        if is_openai_family(type(llm)):
            self._kwargs = parameters.taken(
                taken(attempt.expert, self._kwargs, attempt.expert.base_url), getattr(llm, "model", None)
            )
        prompt = owner.system_prompt if request.lend_prompt else None
        self._loan = Loan(
            llm, manager=manager, system_prompt=prompt, max_tokens=attempt.max_tokens, timeout=attempt.timeout
        )
        self.llm = self._loan.llm

    @property
    def kwargs(self) -> dict[str, Any]:
        """What the expert is called with, anew at each call."""
        return {**self._kwargs, **self.more}

    @property
    def may_ask_logprobs(self) -> bool:
        """Whether a consultation may ask the expert for log-probabilities that nobody has spoken of."""
        return may_ask(self.llm, self._kwargs)

    @property
    def heard(self) -> Any:
        """The LLM's own answer, where it was overheard."""
        return None if self.listener is None else self.listener.response

    def invoke(self) -> Any:
        """Call the expert's method."""
        return self._invoke(self)

    def readable(self, messages: Sequence[ChatMessage], made_by: MadeBy) -> list[ChatMessage]:
        """Messages as this try's expert may have them: its own copies, without what it cannot read."""
        return without_marks(copied(messages, self.name, made_by), self.attempt.expert, type(self.llm))

    def see(self, item: Any) -> Any:
        """Count an answer or a piece of one."""
        self.tally.see(item)
        return item

    def passes(self, item: Any) -> bool:
        """Note a piece of a stream; whether the stream is past its output cap and to be ended here."""
        return self.tally.passes(item, self.attempt)

    def waited(self, step: Step) -> Steps[Any]:
        """What a step gives, in what is left of the try's time; what a reader takes in between is not the expert's.

        Raises:
            TimeoutError: It took longer. Where nothing can interrupt a wait, this is seen when it is over.
        """
        began = time.monotonic()
        given = yield step
        self.seconds -= time.monotonic() - began
        if self.seconds <= 0 and given is not END:
            raise TimeoutError
        return given

    def take(self, answer: Any, *, compared: bool = False) -> Any:
        """Count a whole answer. `compared`: as in `check`.

        Raises:
            UselessAnswer: It is none.
            Exception: What the LLM met, where a method of LlamaIndex's has put words in place of the failure.
        """
        if self.listener is not None and self.listener.error is not None and not self.listener.answers:
            raise self.listener.error
        self.check([self.see(answer)], answer, compared=compared)
        return answer

    def fault(self, pieces: Sequence[Any]) -> UselessAnswer | None:
        """What is wrong with an answer; None where it is one. `pieces`: of a stream, or the answer alone."""
        return fault(pieces, self._output_cls)

    def check(self, pieces: Sequence[Any], whole: Any = None, *, compared: bool = False) -> None:
        """See that what has come is an answer, whole or streamed; an empty one is taken where nobody else is left.

        Args:
            pieces: The pieces of a stream, or the answer alone.
            whole: The answer, where it came whole: it can be kept for the case that nobody else answers.
            compared: Whether it is compared with others' answers, where an empty one abstains.

        Raises:
            UselessAnswer: It is none; the next expert may have one.
        """
        found = self.fault(pieces)
        if found is not None and (not pieces or self._output_cls is not None):
            raise found  # there is nothing to hand on
        if compared and found is not None and found.is_none:
            raise found
        if compared:
            return
        # Tools that were run are not run again.
        usage = None if whole is None or (self.listener is not None and self._output_cls is None) else self.usage
        found = self._call.acceptance.rejects(self.attempt, found, usage, content=(self, whole))
        if found is not None:
            raise found

    def ended(self, last: Any) -> None:
        """A stream that had begun has ended.

        Raises:
            UselessAnswer: A structured answer that never became one, or one that was broken off.
        """
        found = self.fault([last])
        if found is not None and (self._output_cls is not None or found.is_none):
            raise found
        self.answered()

    def answered(self) -> None:
        """The expert has done its part; may be said more than once."""
        self.settled = True
        overheard = self.listener.usage if self.listener else None
        self.attempt.succeeded(self.tally.usage(overheard), tool_call_ids=self.tally.tool_call_ids)
        self._loan.close()

    @property
    def waits(self) -> bool:
        """Whether what ends it may wait for a database."""
        return self._call.waits

    @property
    def usage(self) -> Usage:
        """What it has used, as far as is known."""
        return self.tally.usage(self.listener.usage if self.listener else None)

    def met(self, error: Exception) -> Exception:
        """An error, or, of a parser once the expert had answered, what it says: its own words quote the answer."""
        heard = self.listener
        if self._output_cls is None or heard is None or not heard.answers or heard.error is not None:
            return error
        return error if isinstance(error, (UselessAnswer, TimeoutError)) else no_form_of(self._output_cls)

    def failed(self, error: BaseException, *, begun: bool = False, others: bool = False) -> None:
        """The expert failed; raises where no other should be tried. `others`: somebody has answered already."""
        self._loan.close()
        if self.settled:  # what failed is a tool, after the expert had answered
            raise error
        if not isinstance(error, Exception):
            self.attempt.cancelled(self.usage if begun else None)
            return
        found = NOT_TAKEN.search(str(error)) if isinstance(error, TypeError) else None
        if found is not None:
            self.attempt.cancelled(NOTHING)
            raise InvalidRequest(
                f"Expert {self.name!r} does not take the argument {found[1]!r}; leave it out, or set it on that "
                "expert's LLM itself."
            ) from error
        heard = self.listener.usage if self.listener else None
        error = self.met(error)
        # An answer that came, and is none, is paid for like one.
        used = self.tally.usage(heard) if isinstance(error, UselessAnswer) and self.tally.seen else heard
        received = self.tally.usage(heard) if begun else None
        self.attempt.failed(error, used=used, received=received, others=others)
