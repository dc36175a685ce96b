"""One session of `leeroo chat`: the conversation, its money, and its commands."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

from leeroo.budget import FIELDS, NOTHING_SET, Budget
from leeroo.endpoints.streamed import Streamed
from leeroo.errors import ConfigError, LeerooError, did_you_mean
from leeroo.money import show_usd
from leeroo.routing.router import Router
from leeroo.visible import visible_lines

HELP = """\
/why                the last decision, with every expert
/cost               what this session has cost, and what it saved
/expert NAME        ask this expert only; auto: the router chooses; /expert: all
/budget KEY=VALUE   set max_cost, min_quality, tolerance, willingness_to_pay or
                    max_latency; KEY=none unsets
/clear              forget the conversation
/quit               end; so does Ctrl-D. Ctrl-C stops an answer.
A line that begins with two slashes is sent with one."""


class Session:
    """What is said, and what came of it.

    Args:
        router: Who answers.
        budget: Of every call.
        write: Takes pieces of an answer as they come.
        note: Takes lines about the session.
        max_tokens: Output cap of an answer.
    """

    def __init__(
        self,
        router: Router,
        budget: Budget,
        write: Callable[[str], None],
        note: Callable[[str], None],
        max_tokens: int | None = None,
    ) -> None:
        self.messages: list[dict[str, Any]] = []
        self.records: list[dict[str, Any]] = []
        self.budget = budget
        self.failures = 0
        self._router = router
        self._write = write
        self._note = note
        self._max_tokens = max_tokens
        self._commands: dict[str, Callable[[str], None]] = {
            "why": self._why,
            "cost": self._cost,
            "expert": self._expert,
            "budget": self._set_budget,
            "clear": self._clear,
            "help": lambda _: self._note(HELP),
        }

    def take(self, line: str) -> bool:
        """Answer a line, or do what it commands; False ends the session.

        What fails is said, and counted in `failures`; the session goes on.
        """
        # A terminal in another encoding gives lone surrogates, which cannot be sent.
        text = line.strip().encode("utf-8", "replace").decode()
        if not text:
            return True
        if text.startswith("/") and not text.startswith("//"):
            name, _, rest = text[1:].partition(" ")
            if name in ("quit", "exit", "q"):
                return False
            try:
                self._command(name, rest.strip())
            except LeerooError as error:
                self._fail(error)
            return True
        self._ask(text[1:] if text.startswith("//") else text)
        return True

    def _ask(self, text: str) -> None:
        self.messages.append({"role": "user", "content": text})
        streamed = Streamed(self._router, self.messages, self.budget, max_tokens=self._max_tokens)
        pieces: list[str] = []
        try:
            with closing(iter(streamed)) as coming:  # type: ignore[type-var]
                for piece in coming:
                    pieces.append(piece)
                    self._write(visible_lines(piece))
        except KeyboardInterrupt:
            self.messages.pop()
            self._write("\n")
            self._note("Stopped; the question is forgotten, what had come is paid.")
        except LeerooError as error:
            self.messages.pop()
            self._write("\n" if pieces else "")
            self._fail(error)
        else:
            self.messages.append({"role": "assistant", "content": "".join(pieces)})
            self._write("\n")
        if streamed.record is not None:
            self.records.append(streamed.record)
            if streamed.record["output_tokens"] is not None:
                self._note(self._summary(streamed.record))

    @staticmethod
    def _summary(record: dict[str, Any]) -> str:
        adequate = "" if record["adequate"] else ", not adequate"
        quality = f"quality {record['predicted_quality']:.2f}{adequate}"
        return f"{record['expert']} · {quality} · {show_usd(record['cost'])} · call {record['call_id']}"

    def _fail(self, error: LeerooError) -> None:
        self.failures += 1
        self._note(f"error: {' '.join(str(error).split())}")

    def _command(self, name: str, rest: str) -> None:
        if name not in self._commands:
            raise ConfigError(f"Unknown command /{name}.{did_you_mean(name, (*self._commands, 'quit'))} See /help.")
        self._commands[name](rest)

    def _why(self, _: str) -> None:
        if not self.records:
            self._note("Nothing was asked yet.")
            return
        from leeroo.cli.reasons import likeness  # which the predictor comes with: after a call it is there

        record = self.records[-1]
        self._note(f"Rule: {record['rule']}.")
        if kinds := record.get("kinds"):
            self._note(likeness(kinds.items(), record["novelty"])[0])
        for candidate in record["candidates"]:
            mark = ">" if candidate["expert"] == record["expert"] else " "
            doubt = f", give or take {candidate['doubt']:.2f}" if candidate.get("doubt") else ""
            grounds = candidate.get("grounds")
            known = f" (from {grounds}{doubt})" if grounds else f" ({candidate['source']})"
            money = show_usd(candidate["expected_cost"])
            why_not = f"; {candidate['ineligible']}" if candidate["ineligible"] else ""
            self._note(
                f"{mark} {candidate['expert']}: quality {candidate['quality']:.2f}{known}, about {money}{why_not}"
            )
        self._note(f"Novelty {record['novelty']:.2f}: 0 is like the predictor's training data, 1 unlike it.")

    def _cost(self, _: str) -> None:
        by_expert: dict[str, tuple[int, float]] = {}
        for record in self.records:
            for attempt in record["attempts"]:
                count, cost = by_expert.get(attempt["expert"], (0, 0.0))
                by_expert[attempt["expert"]] = count + 1, cost + attempt["cost"]
        for name, (count, cost) in sorted(by_expert.items(), key=lambda item: -item[1][1]):
            self._note(f"{name}: {count} asked, {show_usd(cost)}")
        total = sum(cost for _, cost in by_expert.values())
        saved = sum(record["saved"] or 0.0 for record in self.records)
        reference = self._router.pool.reference
        self._note(f"All: {show_usd(total)}; {show_usd(saved)} saved against {reference} alone.")

    def _expert(self, name: str) -> None:
        if not name:
            pinned = self.budget.expert or "the router chooses"
            self._note(f"{', '.join(self._router.pool.names)}. Now: {pinned}.")
            return
        expert = None if name == "auto" else self._router.pool[name].name
        self.budget = replace(self.budget, expert=expert)
        self._note("The router chooses." if expert is None else f"Every question goes to {expert}.")

    def _set_budget(self, given: str) -> None:
        budget = self.budget
        for part in given.split():
            key, equals, value = part.partition("=")
            if key not in FIELDS:
                raise ConfigError(f"Unknown budget key {key!r}.{did_you_mean(key, FIELDS)}")
            if not equals or not value:
                raise ConfigError(f"{part!r} is not of the form KEY=VALUE, such as max_cost=0.01.")
            budget = _changed(budget, key, value)
        self.budget = budget
        merged = budget.over(self._router.budget).to_dict()
        self._note(", ".join(f"{key}={value}" for key, value in merged.items()) or "No budget is set.")

    def _clear(self, _: str) -> None:
        self.messages.clear()
        self._note("The conversation is forgotten.")


def _changed(budget: Budget, key: str, value: str) -> Budget:
    """The budget with one field set or, by "none", unset; a rule replaces another one."""
    change: dict[str, Any] = {key: None if value == "none" else value}
    if value == "none" or FIELDS[key].type is str:
        return replace(budget, **change)
    try:
        change[key] = float(value)
    except ValueError:
        raise ConfigError(f"{key}={value} is not a number.") from None
    return replace(NOTHING_SET, **change).over(budget)
