"""Which model a name means, however a provider, a host or a person writes it.

`resolve` peels what surrounds a model's name (provider prefix, organisation, region, path, tag, quantisation, snapshot
date, effort) and looks the rest up whole in the registry. It never measures likeness: a wrong match is worse than none.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from leeroo.pool.providers import split_provider
from leeroo.pool.registry import Model, registry
from leeroo.pool.spelling import Kind, peel, plain
from leeroo.pool.wrapping import Place, unwrap

__all__ = ["Model", "Named", "all_models", "kindred", "resolve", "split_provider"]

Relation = Literal["same", "snapshot", "effort", "quantised", "fine-tune", "mode"]

# Longer than any name in use; what is longer is a mistake or an attack, and not worth a place in the cache.
_LONGEST = 300
_BETWEEN = re.compile(r"[-_/:@\s()\[\]]+")
# "gpt-5 (high)", as people and leaderboards write it; and Anthropic's long context.
_REMARK = re.compile(r"\s*\(([\w .-]+)\)$")
_LONG_CONTEXT = "[1m]"
_MOST_PARTS = 12

# Which difference a name's relation tells of, where it has several: the one that changes the answers most.
_WEIGHTIEST: tuple[Relation, ...] = ("fine-tune", "snapshot", "effort", "quantised", "mode", "same")
_RELATION: dict[Kind, Relation] = {
    "quantised": "quantised",
    "mode": "mode",
    "effort": "effort",
    "preview": "snapshot",
    "snapshot": "snapshot",
}


@dataclass(frozen=True)
class Named:
    """What a name means.

    Attributes:
        model: Canonical id.
        relation: How the thing named stands to that model.
        said: The same in plain words.
        effort: The reasoning effort named or meant: "none", "minimal", "low", "medium", "high", "xhigh", "max",
            "thinking" (on, no level said), or None.
        row: The model's row in the registry.
    """

    model: str
    relation: Relation
    said: str
    effort: str | None
    row: Model


def resolve(name: str) -> Named | None:
    """Which model a name means, or None where it is not surely one that is known.

    Args:
        name: A model id as people write it, with or without provider, host, tag, date or effort.
    """
    return _resolve(name) if len(name) <= _LONGEST else None


def all_models() -> tuple[Model, ...]:
    """Every row of the registry."""
    return registry().models


@lru_cache(maxsize=1024)
def kindred(name: str) -> Named | None:
    """The model that an unknown name speaks of: `my-finetune-llama-3.1-8b` of `llama-3.1-8b`.

    The name may belong to something else altogether, so this says what its model may be like, never which it is.

    Args:
        name: A name that `resolve` does not know.
    """
    if len(name) > _LONGEST:
        return None
    parts = [part for part in _BETWEEN.split(name.lower()) if part][:_MOST_PARTS]
    for length in range(len(parts) - 1, 0, -1):
        for start in range(len(parts) - length, -1, -1):
            run = "-".join(parts[start : start + length])
            # A family's name alone, or a bare number, may stand in anything.
            if not (re.search(r"[a-z]{2}", run) and re.search(r"\d", run)):
                continue
            # What follows a version may belong to it: `claude-sonnet-4-9` is no `claude-sonnet-4`.
            if run[-1].isdigit() and re.fullmatch(r"\d{1,2}", "".join(parts[start + length :][:1])):
                continue
            if (found := resolve(run)) is not None:
                return _tuned(run) or found if found.row.kind and "base" not in parts else found
    return None


def _tuned(base: str) -> Named | None:
    """The instruct model beside a base model: what people tune further and talk to is more like that."""
    return next((found for word in ("instruct", "it", "chat") if (found := resolve(f"{base}-{word}"))), None)


@lru_cache(maxsize=4096)
def _resolve(name: str) -> Named | None:
    name = _REMARK.sub(r"-\1", name.strip().removesuffix(_LONG_CONTEXT))
    if not name.isascii() or not name.isprintable():
        return None
    place = unwrap(name)
    if place is None:
        return None
    # Of the candidates only the last may be peeled; those before it are other readings of the whole.
    for i, candidate in enumerate(place.candidates):
        if found := _search(candidate, place, whole=i + 1 < len(place.candidates)):
            return found
    return None


def _search(text: str, place: Place, whole: bool) -> Named | None:
    """Look a name up, and again without one ending more for as long as it has endings of a known kind."""
    relations: set[Relation] = {"fine-tune"} if place.fine_tuned else set()
    kinds: set[Kind] = set()
    effort: str | None = None
    stage = 0
    while True:
        for spelling in _spellings(text, place, kinds):
            found = registry().find(spelling, literal=not place.base_only)
            if found and _fits(*found, spelling, place, kinds):
                return _named(*found, spelling, relations, effort)
        if whole or not (peeled := peel(text, stage)):
            return None
        (text, kind, asked), stage = peeled
        if kind in kinds & {"effort", "snapshot", "tuned"}:
            return None
        kinds.add(kind)
        effort = effort or asked
        if kind in _RELATION:
            relations.add(_RELATION[kind])


_ORGANISATIONS = re.compile(
    r"(?:ai21|ai21labs|allenai|amazon|anthropic|azure|c4ai|cohere|databricks|deepseek-ai|fw|google|ibm|ibm-granite|meta|"
    r"meta-llama|microsoft|minimaxai|mistralai|moonshotai|nousresearch|nvidia|openai|qwen|thebloke|unsloth|xai|zai|"
    r"zai-org)-(?=.)"
)


def _spellings(text: str, place: Place, kinds: set[Kind]) -> Iterator[str]:
    """The name, its tuned form where only tuned models are served, and both without the maker's name before them."""
    for own in _unowned(text):
        bare = registry().find(own)
        # Ollama's `llama3.1:8b` is the instruct model, Hugging Face's `Llama-3.1-8B` the base model.
        if place.tuned_only and "tuned" not in kinds and (bare is None or bare[0].kind):
            # Where a thinking twin exists, which of the two the short name serves is not known.
            if registry().find(f"{own}-thinking") is None:
                yield from (f"{own}-{word}" for word in ("instruct", "it", "chat"))
            continue
        yield own


def _unowned(text: str) -> Iterator[str]:
    yield text
    # Twice at most: `databricks-meta-llama-3-1-8b-instruct`.
    for _ in range(2):
        if not (maker := _ORGANISATIONS.match(text)):
            return
        text = text[maker.end() :]
        yield text


def _fits(row: Model, moving: bool, spelling: str, place: Place, kinds: set[Kind]) -> bool:
    """Whether a row may stand for what was peeled around its name."""
    if (place.base_only and not row.kind) or (place.unmoving and moving):
        return False
    if "effort" in kinds and row.effort is None and row.reasoning not in ("yes", "hybrid"):
        return False
    # Nor is a level of one model a level of another: `gpt-5.2-high` at "low" is nothing.
    if "effort" in kinds and row.effort is not None and not moving:
        return False
    # "-instruct" on a base model is another model, on a thinking one often, too; a closed "-chat" is one of its own.
    if "tuned" in kinds and (row.kind or row.size is None or row.reasoning not in ("", "no")):
        return False
    # `mistral-large` moves between generations, `mistral-large-2311` may be anything; `gpt-4o-2025-01-01` is a gpt-4o.
    return not (moving and kinds & {"snapshot", "preview"} and plain(row.of or "") != plain(spelling))


def _named(row: Model, moving: bool, spelling: str, relations: set[Relation], effort: str | None) -> Named:
    if effort is not None:
        # The name asks a model for an effort, and that level has a row: `gpt-5.2-2025-12-11-high` is `gpt-5.2-high`.
        base = row.of if moving and row.effort and row.of else row.model
        level = row if row.effort == effort else registry().level(base, effort)
        if level is not None:
            row, moving = level, False
            relations = relations - {"effort"}
        elif row.effort is not None:
            return Named(row.model, "effort", f"{row.of} at effort {effort}, known at {row.effort}", effort, row)
    dated = "snapshot" in relations
    if moving:
        relations = relations | {"effort" if row.effort else "snapshot"}
    relation = next(r for r in _WEIGHTIEST if r in relations or r == "same")
    said = row.model
    if moving:
        said += f", another snapshot of {row.of}" if dated else f", which {spelling} stands for"
    for part in reversed(_WEIGHTIEST):
        if part in relations:
            said = _say(part, said, effort, moving)
    return Named(row.model, relation, said, effort or row.effort, row)


def _say(relation: Relation, said: str, effort: str | None, moving: bool) -> str:
    if relation == "effort":
        return said if effort is None else f"{said} at effort {effort}"
    if relation == "mode":
        return f"{said} with native function calling"
    if relation == "snapshot" and moving:
        return said
    return f"{'a quantised' if relation == 'quantised' else f'a {relation} of'} {said}"
