"""Statements that are compiled once and run on the driver itself.

A call's way through the ledger takes six statements; SQLAlchemy's way from a compiled statement to the driver costs
more than ten times what SQLite needs to answer one. So SQLAlchemy writes the SQL, once for each database and number of
values in its list, and manages connections and transactions; in between, the driver is asked directly.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam


class Prepared:
    """A statement with named parameters.

    Args:
        statement: The statement, or how to build it for a list of so many values.
        listed: Name of the list parameter of a built statement, see `members`.
    """

    def __init__(self, statement: Any | Callable[[int], Any], listed: str | None = None) -> None:
        self._statement = statement
        self._listed = listed
        self._compiled: dict[tuple[str, int], _Compiled] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> list[Any]:
        """Run it; returns rows with named fields, none where the statement returns none.

        Args:
            connection: In a transaction of the ledger's database.
            values: The parameters; the list's as a sequence.
        """
        listed: Sequence[Any] = values[self._listed] if self._listed else ()
        key = (connection.dialect.name, len(listed))
        compiled = self._compiled.get(key)
        if compiled is None:
            statement = self._statement(len(listed)) if self._listed else self._statement
            compiled = self._compiled[key] = _Compiled(statement, connection.dialect)
        given = {**values, **{f"{self._listed}_{i}": value for i, value in enumerate(listed)}} if listed else values
        return compiled.run(connection, given)


def members(name: str, count: int) -> list[Any]:
    """The parameters of a list of so many values, for `column.in_(...)`."""
    return [bindparam(f"{name}_{i}") for i in range(count)]


class _Compiled:
    def __init__(self, statement: Any, dialect: Any) -> None:
        compiled = statement.compile(dialect=dialect)
        self._sql = str(compiled)
        self._positions: list[str] | None = compiled.positiontup
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}
        names = [column.key for column in statement.exported_columns]  # of a SELECT, or what is RETURNING
        self._row: Any = namedtuple("Row", names) if names else None

    def run(self, connection: Connection, values: Mapping[str, Any]) -> list[Any]:
        given: Any = {**self._constants, **values}
        if self._positions is not None:
            given = [given[name] for name in self._positions]
        cursor: Any = connection.connection.cursor()
        cursor.execute(self._sql, given)
        return [self._row._make(row) for row in cursor.fetchall()] if self._row else []
