"""Which known expert of the artifact a pool's expert is."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from leeroo.errors import ConfigError, did_you_mean
from leeroo.pool.experts import Expert
from leeroo.pool.names import resolve
from leeroo.pool.places import name_of
from leeroo.prediction.artifact import ADDED, KnownExpert

_NATIVE_TOOLS = re.compile(r"-fc(-any|-auto)?$")


def normalised(name: str) -> str:
    """The model's canonical name; where it is not in the registry, its letters and digits without its organisation.

    A model whose outcomes were got by its own way of calling tools ("-fc") is kept apart from the model that writes
    them as text: the two differ by as much as two models do.
    """
    mode = _NATIVE_TOOLS.search(name)
    if (named := resolve(name)) is not None:
        return named.model + (mode[0] if mode else "")
    return re.sub(r"[^a-z0-9]", "", name.rsplit("/", 1)[-1].lower())


class Matcher:
    """Finds the columns of a pool's experts.

    A model measured in two outcome tables (prompted differently) is two columns. The one is taken whose table knows
    most of the pool, so that the experts compared were measured alike.

    Args:
        known: The artifact's experts.
    """

    def __init__(self, known: Sequence[KnownExpert]) -> None:
        self._known = tuple(known)
        self._by_name: dict[str, list[int]] = {}
        for i, expert in enumerate(self._known):
            self._by_name.setdefault(normalised(expert.name), []).append(i)
            self._by_name.setdefault(f"{expert.table}/{normalised(expert.name)}", []).append(i)
        self._sizes = Counter(expert.table for expert in self._known)
        self._matched = lru_cache(maxsize=256)(self._match)  # a router asks for the same few pools again and again

    def columns(self, experts: Sequence[Expert]) -> list[int | None]:
        """The column of each expert, None where it is not known.

        Raises:
            ConfigError: An expert's `traits` names no known expert.
        """
        return list(self._matched(tuple((e.traits, name_of(e), e.model_id, e.name) for e in experts)))

    def _match(self, experts: tuple[tuple[str | None, str, str, str], ...]) -> tuple[int | None, ...]:
        options = [self._options(*expert) for expert in experts]
        votes = Counter(table for found in options for table in {self._known[i].table for i in found})

        def rank(i: int) -> tuple[int, int]:
            # An expert that the user added stands before what came with the artifact.
            table = self._known[i].table
            return (votes[table] + (10**6 if table == ADDED else 0), self._sizes[table])

        return tuple(max(found, key=rank) if found else None for found in options)

    def _options(self, traits: str | None, placed: str, model_id: str, name: str) -> list[int]:
        if traits is not None:
            found = self._look_up(traits)
            if not found and resolve(traits) is None:
                hint = did_you_mean(traits, {e.name for e in self._known})
                raise ConfigError(f"Expert {name!r}: traits {traits!r} is not a known expert.{hint}")
            return found
        # What the user called an expert when teaching it stands before the model that its name is read as.
        for own in (model_id, name):
            taught = [i for i in self._look_up(own) if self._known[i].table == ADDED]
            if taught:
                return taught
        for own in (placed, model_id, name):
            if own and (found := self._look_up(own)):
                return found
        return []

    def _look_up(self, name: str) -> list[int]:
        table, _, own = name.partition("/")
        return self._by_name.get(f"{table}/{normalised(own)}", []) or self._by_name.get(normalised(name), [])
