"""The registry of models: one row of `models.csv` for each model that is known by name.

Columns: `model` is the canonical id. `aliases` (`|` between) are spellings that the rules of `leeroo.pool.spelling`
cannot derive; with `~` before it, a name that moves from snapshot to snapshot and stands for this one now; with `=`
before it, one that counts in exactly this spelling (`llama3.1-8b` is what chat hosts call the instruct model, while
Llama-3.1-8B is the base model). `of` is the model that this one is a snapshot, effort level or variant of: a row or a
moving name. `kind` is `base` for a pretrained model without instruction tuning. `family` is a product line over its
generations; `generation` orders it; `size` is in billions of parameters, all experts included; `tier` is the maker's
rank word. `released` is YYYY-MM. `reasoning` says whether the model thinks before it answers: `yes`, `no`, `hybrid`
(the caller's choice), or empty for unknown.
"""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from leeroo.errors import ConfigError
from leeroo.pool.spelling import key, peel_effort, plain

COLUMNS = ("model", "aliases", "of", "kind", "vendor", "family", "generation", "size", "tier", "released", "reasoning")

# Rank words by how capable the model is within its family; an empty tier is the family's plain model.
TIERS = {
    **dict.fromkeys(("nano", "micro", "tiny"), 1.0),
    **dict.fromkeys(("mini", "lite"), 2.0),
    **dict.fromkeys(("small", "flash"), 3.0),
    "medium": 4.0,
    **dict.fromkeys(("", "plus"), 5.0),
    **dict.fromkeys(("large", "super"), 5.5),
    **dict.fromkeys(("pro", "max"), 6.0),
    **dict.fromkeys(("heavy", "ultra", "premier"), 7.0),
}

_SIZED = re.compile(r"(?P<rest>.+)-(?P<size>\d+(?:\.\d+)?)(?P<unit>[bt])")


@dataclass(frozen=True)
class Model:
    """A row of the registry.

    Attributes:
        model: Canonical id, lower case.
        aliases: Other spellings.
        of: What this is a snapshot, effort level or variant of, or None.
        kind: "base" for a pretrained model, else empty.
        vendor: Who made it.
        family: The product line.
        generation: Orders the family's generations, or None.
        size: Billions of parameters in all, or None.
        tier: The maker's rank word, or empty.
        released: YYYY-MM, or empty.
        reasoning: "yes", "no", "hybrid" or empty.
        effort: The reasoning effort that makes this a row of its own beside `of`, or None.
    """

    model: str
    aliases: tuple[str, ...]
    of: str | None
    kind: str
    vendor: str
    family: str
    generation: float | None
    size: float | None
    tier: str
    released: str
    reasoning: str
    effort: str | None


class Registry:
    """The rows of a registry, by every spelling.

    Args:
        models: The rows.
        source: Where they come from, for messages.

    Raises:
        ConfigError: Two rows share a name, or `of` names nothing.
    """

    def __init__(self, models: Iterable[Model], source: str) -> None:
        self.models = tuple(models)
        self.rows: dict[str, Model] = {}
        self._literal: dict[str, Model] = {}
        self._spelled: dict[str, tuple[Model, bool]] = {}
        self._levels: dict[tuple[str, str], Model] = {}
        for row in self.models:
            self._add(row, source)
        moving = {alias[1:] for row in self.models for alias in row.aliases if alias.startswith("~")}
        for row in self.models:
            if row.of is not None and row.of not in self.rows and row.of not in moving:
                raise ConfigError(
                    f"{source}: {row.model!r} is `of` {row.of!r}, which is no model here. "
                    "Name a row, or a moving name (`~...`) among the aliases."
                )
        self._roots = {row.model: self._walk_up(row, source) for row in self.models}

    def find(self, name: str, literal: bool = True) -> tuple[Model, bool] | None:
        """The row of exactly this name however it is punctuated, and whether the name is one that moves.

        Args:
            name: A name, as `plain` gives it.
            literal: Whether names that count in one spelling only are looked at, and before the others.
        """
        exact = self._literal.get(name) if literal else None
        found = (exact, False) if exact else self._spelled.get(key(name))
        # Ollama names a model of one size by that size, too: `kimi-k2:1t`.
        if not found and (sized := _SIZED.fullmatch(name)) and (found := self._spelled.get(key(sized["rest"]))):
            billions = float(sized["size"]) * (1000 if sized["unit"] == "t" else 1)
            return found if abs((found[0].size or 0) - billions) <= 0.05 * billions else None
        return found

    def level(self, model: str, effort: str) -> Model | None:
        """The row of a model at an effort, where it has one."""
        return self._levels.get((model, effort))

    def root(self, model: str) -> str:
        """What a row is in the end a snapshot, level or variant of: itself, if of nothing."""
        return self._roots[model]

    def _add(self, row: Model, source: str) -> None:
        if row.model in self.rows:
            raise ConfigError(f"{source}: two rows for {row.model!r}. Keep one.")
        self.rows[row.model] = row
        for name in (row.model, *row.aliases):
            if name.startswith("="):
                spelling = plain(name[1:])
                other = self._literal.setdefault(spelling, row)
            else:
                spelling = key(name.removeprefix("~"))
                other = self._spelled.setdefault(spelling, (row, name.startswith("~")))[0]
            if not spelling or other is not row:
                raise ConfigError(
                    f"{source}: {row.model!r} and {other.model!r} are both called {name!r}. "
                    "A name may stand for one model only: take it from one of the two."
                )
        if row.of is not None and row.effort is not None:
            other = self._levels.setdefault((row.of, row.effort), row)
            if other is not row:
                raise ConfigError(
                    f"{source}: {row.model!r} and {other.model!r} are both {row.of!r} at effort {row.effort!r}. "
                    "Keep one."
                )

    def _walk_up(self, row: Model, source: str) -> str:
        seen = [row.model]
        while (above := self.rows[seen[-1]].of) is not None:
            if above in seen:
                raise ConfigError(f"{source}: {' of '.join([*seen, above])}: a model cannot be a snapshot of itself.")
            if above not in self.rows:
                return above
            seen.append(above)
        return seen[-1]


def read_registry(text: str, source: str) -> Registry:
    """Read a registry from CSV.

    Args:
        text: The CSV, with a header.
        source: Where it comes from, for messages.

    Raises:
        ConfigError: A column is missing, a value is not one that the column takes, or names clash.
    """
    reader = csv.DictReader(io.StringIO(text))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise ConfigError(f"{source}: the header must be {','.join(COLUMNS)}, and is {reader.fieldnames}.")
    return Registry([_row(cells, f"{source}, line {reader.line_num}") for cells in reader], source)


@cache
def registry() -> Registry:
    """The registry that ships with Leeroo, read once."""
    return read_registry((files("leeroo.pool") / "models.csv").read_text(encoding="utf-8"), "models.csv")


def _row(cells: dict[str, str], place: str) -> Model:
    # DictReader files surplus cells under None and fills missing ones with None.
    if None in cells or None in cells.values():
        raise ConfigError(f"{place}: {len(COLUMNS)} cells expected.")
    name = cells["model"]
    if not name or name != name.lower().strip():
        raise ConfigError(f"{place}: `model` must be a lower-case name, and is {name!r}.")
    _one_of(cells, "kind", ("", "base"), place)
    _one_of(cells, "reasoning", ("", "yes", "no", "hybrid"), place)
    _one_of(cells, "tier", tuple(TIERS), place)
    if not re.fullmatch(r"(20\d\d-(0[1-9]|1[0-2]))?", cells["released"]):
        raise ConfigError(f"{place}: `released` must be YYYY-MM or empty, and is {cells['released']!r}.")
    of = cells["of"] or None
    return Model(
        model=name,
        aliases=tuple(alias for alias in cells["aliases"].split("|") if alias),
        of=of,
        kind=cells["kind"],
        vendor=cells["vendor"],
        family=cells["family"],
        generation=_number(cells, "generation", place),
        size=_number(cells, "size", place),
        tier=cells["tier"],
        released=cells["released"],
        reasoning=cells["reasoning"],
        # `kimi-k2-thinking` is a model of its own; only beside the model it is `of` is a suffix an effort.
        effort=_effort_beside(name, of) if of else None,
    )


def _effort_beside(name: str, of: str) -> str | None:
    peeled = peel_effort(name)
    return peeled[1] if peeled and key(peeled[0]) == key(of) else None


def _one_of(cells: dict[str, str], column: str, allowed: tuple[str, ...], place: str) -> None:
    if cells[column] not in allowed:
        known = ", ".join(repr(value) for value in allowed)
        raise ConfigError(f"{place}: `{column}` must be one of {known}, and is {cells[column]!r}.")


def _number(cells: dict[str, str], column: str, place: str) -> float | None:
    if not (text := cells[column]):
        return None
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        raise ConfigError(f"{place}: `{column}` must be a number or empty, and is {text!r}.")
    return float(text)
