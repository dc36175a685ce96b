"""What the report shows, read from a ledger: sums by time step, scope and expert, so that a million calls stay small.

Money is whole nano-dollars throughout. Spend is what attempts cost, under the expert that was tried; calls, savings and
quality are under the expert that answered.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, and_, case, func, literal, or_, select, text, true

from leeroo.ledger import schema
from leeroo.ledger.books import inside
from leeroo.ledger.limits import EVERYTHING, SECOND, ancestors
from leeroo.money import to_nano
from leeroo.pool.prices import Price
from leeroo.report.folding import add_up, fold_experts, fold_scopes, scopes_to_keep

if TYPE_CHECKING:
    from leeroo.ledger.sql import SqlLedger

HOUR, DAY = 3600 * SECOND, 86_400 * SECOND
MONDAY = 4 * DAY
"""1970-01-01 was a Thursday: whole weeks are counted from the Monday after it."""
LATENCIES = (0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 60.0)
"""Seconds, upper ends of the bins from which percentiles are estimated; the last bin is open."""
QUALITIES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Upper ends of the bins of predicted quality; the last one ends at 1."""
DEAREST = 1000
"""Calls that are listed one by one."""
NOT_TRIED = ("budget", "deadline", "unhealthy")
"""Errors of attempts that never reached the expert; they are no failures of it."""

_a, _c, _f = schema.attempts.c, schema.calls.c, schema.feedback.c


@dataclass(frozen=True, slots=True)
class Reference:
    """What savings are measured against in place of what each call's record says.

    Attributes:
        name: Shown on the page.
        price: What every answer would have cost; prices of long prompts are left out.
    """

    name: str
    price: Price


def read(
    ledger: "SqlLedger", *, since: int | None = None, scope: str | None = None, reference: Reference | None = None
) -> dict[str, Any]:
    """All figures of a report, JSON-safe.

    Args:
        ledger: Open ledger.
        since: Calls from this moment on only, in microseconds since 1970.
        scope: This scope and those beneath it only.
        reference: What savings are measured against; each call's own reference when absent.

    Raises:
        LedgerError: The ledger cannot be read.
    """
    which = [_c.at >= (since or 0)] + ([] if scope is None else [inside(_c.scope, scope)])
    with ledger.read() as connection:
        ends = connection.execute(select(func.min(_c.at), func.max(_c.at)).where(*which)).one()
        figures = _Reader(connection, which, reference).figures(*ends) if ends[0] is not None else _NOTHING
    return {**figures, "limits": _limits(ledger, scope), "latency_ends": LATENCIES}


_NOTHING: dict[str, Any] = {
    "origin": 0, "step": DAY // 1000, "scopes": [], "experts": [], "references": [],
    "calls": [], "attempts": [], "latency": [], "errors": [], "feedback": [], "dearest": [],
}  # fmt: skip


class _Reader:
    """The queries of one report, in one transaction. Every table's rows begin with time step, scope and expert."""

    def __init__(self, connection: Connection, which: Sequence[Any], reference: Reference | None) -> None:
        self._connection = connection
        self._which = which
        self._reference = reference
        self._scopes: dict[str | None, int] = {}
        self._experts: dict[str, int] = {}

    def figures(self, first: int, last: int) -> dict[str, Any]:
        """All tables; money in nano-dollars, times in milliseconds since 1970."""
        width, offset = _step(last - first)
        self._when = (_c.at - offset) // width
        steps = (last - offset) // width - (first - offset) // width + 1
        scopes, experts = self._fold(steps)
        return {
            "origin": offset // 1000,
            "step": width // 1000,
            "scopes": scopes,
            "experts": experts,
            "references": self._references(),
            "calls": self._calls(),
            "attempts": self._attempts(),
            "latency": self._of_attempts(_a.error.is_(None), [_bin(_a.latency, LATENCIES)], [func.count()]),
            "errors": self._of_attempts(_a.error.is_not(None), [_a.error], [func.count()]),
            "feedback": self._feedback(),
            "dearest": self._dearest(),
        }

    def _fold(self, steps: int) -> tuple[list[dict[str, Any]], list[str]]:
        """Fix where each scope and expert is counted; returns the places and the names."""
        by_scope = select(_c.scope, func.sum(_c.cost)).where(*self._which).group_by(_c.scope)
        spent = {scope: int(nano) for scope, nano in self._connection.execute(by_scope)}
        tried = self._joined(select(_a.expert, func.sum(_a.cost))).group_by(_a.expert)
        chosen = select(_c.expert, literal(0)).where(*self._which).group_by(_c.expert)
        by_expert: dict[str, int] = {}
        for expert, nano in (*self._connection.execute(tried), *self._connection.execute(chosen)):
            by_expert[expert or ""] = by_expert.get(expert or "", 0) + int(nano)
        names = fold_experts(by_expert)
        experts = list(dict.fromkeys(names.values()))
        placed = fold_scopes(spent, scopes_to_keep(steps, len(experts)))
        places = list(dict.fromkeys(placed.values()))
        self._experts = {name: experts.index(label) for name, label in names.items()}
        numbers = {place: at for at, place in enumerate(places)}
        self._scopes = {scope: numbers[place] for scope, place in placed.items()}
        return [place._asdict() for place in places], experts

    def _calls(self) -> list[list[float]]:
        """Values: calls, answers, adequate ones, nano-dollars of answers, the same on the reference, tokens in, out."""
        answered = _c.reference_cost.is_not(None)
        values = [
            func.count(),
            func.sum(case((answered, 1), else_=0)),
            func.sum(case((and_(answered, _c.adequate), 1), else_=0)),
            func.sum(case((answered, _c.cost), else_=0)),
            func.sum(func.coalesce(_c.reference_cost, 0)),
            func.sum(case((answered, func.coalesce(_c.input_tokens, 0)), else_=0)),
            func.sum(case((answered, func.coalesce(_c.output_tokens, 0)), else_=0)),
        ]
        rows = self._sums(select(self._when, _c.scope, _c.expert, *values).where(*self._which), 0)
        if self._reference is not None:
            for row in rows:
                row[7] = self._on_reference(self._reference.price, int(row[4]), int(row[8]), int(row[9]))
        return rows

    def _attempts(self) -> list[list[float]]:
        """Values: attempts that reached the expert, those of them that failed, nano-dollars."""
        reached = or_(_a.error.is_(None), _a.error.not_in(NOT_TRIED))
        failed = and_(_a.error.is_not(None), reached)
        values = [func.sum(case((what, 1), else_=0)) for what in (reached, failed)]
        return self._of_attempts(true(), [], [*values, func.sum(_a.cost)])

    def _feedback(self) -> list[list[float]]:
        """Key: bin of predicted quality. Values: answers with feedback, sum of newest scores, sum of predictions."""
        newest = select(func.max(_f.id)).group_by(_f.call_id)
        values = [func.count(), func.sum(_f.score), func.sum(_c.predicted_quality)]
        find = (
            select(self._when, _c.scope, _c.expert, _bin(_c.predicted_quality, QUALITIES), *values)
            .join_from(schema.feedback, schema.calls, _f.call_id == _c.call_id)
            .where(*self._which, _f.id.in_(newest), _c.predicted_quality.is_not(None))
        )
        return self._sums(find, 1)

    def _dearest(self) -> list[list[Any]]:
        """Time, scope and expert as numbers; then call, scope, expert, model, cost, reference, tokens, quality."""
        columns = (_c.at, _c.call_id, _c.scope, _c.expert, _c.model, _c.cost, _c.reference_cost, _c.input_tokens,
                   _c.output_tokens, _c.predicted_quality)  # fmt: skip
        find = select(*columns).where(*self._which).order_by(_c.cost.desc(), _c.call_id).limit(DEAREST)
        rows = []
        for (
            at,
            call,
            scope,
            expert,
            model,
            cost,
            on_reference,
            tokens_in,
            tokens_out,
            quality,
        ) in self._connection.execute(find):
            if self._reference is not None and on_reference is not None:
                on_reference = self._on_reference(self._reference.price, 1, tokens_in or 0, tokens_out or 0)
            place = [at // 1000, self._scopes[scope], self._experts[expert or ""]]
            rows.append([*place, call, scope, expert, model, cost, on_reference, tokens_in, tokens_out, quality])
        return rows

    def _references(self) -> list[str]:
        if self._reference is not None:
            return [self._reference.name]
        find = select(_c.reference_expert).where(*self._which, _c.reference_cost.is_not(None)).distinct()
        return sorted(name for name in self._connection.execute(find).scalars() if name is not None)

    def _of_attempts(self, which: Any, keys: list[Any], values: list[Any]) -> list[list[float]]:
        find = self._joined(select(self._when, _c.scope, _a.expert, *keys, *values)).where(which)
        return self._sums(find, len(keys))

    def _joined(self, find: Select[Any]) -> Select[Any]:
        return find.join_from(schema.calls, schema.attempts, _c.call_id == _a.call_id).where(*self._which)

    def _sums(self, find: Select[Any], keys: int) -> list[list[float]]:
        # By position: PostgreSQL does not see that two expressions with bound values are the same.
        grouped = find.group_by(text(", ".join(str(at + 1) for at in range(3 + keys))))
        rows = self._connection.execute(grouped, execution_options={"yield_per": 10_000})
        return add_up(rows, self._scopes, self._experts, keys)

    @staticmethod
    def _on_reference(price: Price, calls: int, tokens_in: int, tokens_out: int) -> int:
        flat = Price(input=price.input, output=price.output)
        return flat.cost(tokens_in, tokens_out) + calls * to_nano(price.request)


def _step(span: int) -> tuple[int, int]:
    """Length and offset of the time steps that suit a span, in microseconds."""
    if span <= 4 * DAY:
        return HOUR, 0
    return (DAY, 0) if span <= 200 * DAY else (7 * DAY, MONDAY)


def _bin(column: Any, ends: Sequence[float]) -> Any:
    """The number of the first bin whose upper end is not passed."""
    return case(*((column <= end, at) for at, end in enumerate(ends)), else_=len(ends))


def _limits(ledger: "SqlLedger", scope: str | None) -> list[dict[str, Any]]:
    """All limits that bear on a scope, with what is used of each now."""
    above = ancestors(scope)
    found = ledger.limits()
    if scope not in (None, EVERYTHING):
        found = [row for row in found if row["limit"].scope in above or row["limit"].scope.startswith(f"{scope}/")]
    return [{**row, "limit": asdict(row["limit"])} for row in found]
