"""What a run is about: the domains file, validated, every error with its line."""

import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from leeroo.errors import ConfigError, did_you_mean
from leeroo.pool.strict import Strict
from leeroo.pool.yamlfile import load_with_lines
from leeroo.selfplay.families import VERIFIED

Check = Literal["exact", "numeric", "choice", "units", "code", "judge", "consensus", "function"]
Difficulty = Literal[1, 2, 3]
Scorer = Callable[[str, str, str], float]
"""A user's own function: (question, answer, expected answer) -> 0..1."""
MOST_EXAMPLE = 2000
"""Characters kept of one example or passage."""


class Domain(Strict):
    """One domain: a family of verified questions, or a description from which an expert of the pool writes some.

    Attributes:
        family: Name of a verified family; its answers are computed and its questions cost nothing.
        description: What the questions are about.
        style: How they are put: "short, as typed on a phone".
        difficulty: Which of 1 (easy), 2 and 3 (hard).
        examples: Questions like those of the user's own traffic.
        examples_file: Text file with one such question per line.
        material: Passages that the questions are about; each question is asked with its passage.
        documents: Text files to take such passages from, as a pattern: "handbook/*.md".
        check: How answers are scored.
        rubric: What the judge looks for.
        function: `module:function` that scores (question, answer, expected) with 0..1; for check: function.
        weight: Share of the questions, against the other domains'.
    """

    family: str | None = None
    description: str | None = Field(default=None, min_length=1)
    style: str | None = None
    difficulty: tuple[Difficulty, ...] = (1, 2, 3)
    examples: tuple[str, ...] = ()
    examples_file: str | None = None
    material: tuple[str, ...] = ()
    documents: str | None = None
    check: Check | None = None
    rubric: str | None = None
    function: str | None = None
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)

    @field_validator("family")
    @classmethod
    def _family_known(cls, value: str | None) -> str | None:
        if value is not None and value not in VERIFIED:
            raise ValueError(f"unknown family {value!r}.{did_you_mean(value, VERIFIED)}")
        return value

    @field_validator("difficulty")
    @classmethod
    def _some_difficulty(cls, value: tuple[Difficulty, ...]) -> tuple[Difficulty, ...]:
        if not value or len(set(value)) != len(value):
            raise ValueError("give one or more of 1, 2, 3, each once")
        return value

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.family is None) == (self.description is None):
            raise ValueError("give either 'family' or 'description'")
        if self.family is not None:
            for name in ("style", "examples", "examples_file", "material", "documents", "check", "rubric", "function"):
                if getattr(self, name):
                    raise ValueError(f"{name!r} is for domains with a 'description'; a family needs none")
        elif self.check is None:
            raise ValueError("'check' says how answers are scored: exact, numeric, choice, units, code, judge, ...")
        if (self.check == "function") != (self.function is not None):
            raise ValueError("'function' and 'check: function' go together")
        if self.rubric and self.check != "judge":
            raise ValueError("'rubric' is for 'check: judge'")
        return self


class Domains(Strict):
    """A domains file.

    Attributes:
        domains: By name.
        generator: Expert that writes questions; the pool's reference when absent.
        judge: Expert that judges; the pool's reference when absent.
    """

    domains: dict[str, Domain] = Field(min_length=1)
    generator: str | None = None
    judge: str | None = None


def verified_families() -> Domains:
    """A domain for each verified family: what a run is about when no file is given."""
    return Domains(domains={name: Domain(family=name) for name in VERIFIED if name != "programs"})


def read_domains(path: str | Path) -> Domains:
    """Read a domains file; examples and documents are looked for beside it.

    Args:
        path: Of the YAML file.

    Raises:
        ConfigError: What is wrong, with its line and keys.
    """
    place = Path(path)
    data, root = load_with_lines(place, "a domains file is a mapping with the key 'domains'.")
    try:
        found = Domains.model_validate(data)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        first = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
        keys = [part for part in first["loc"] if not str(part).startswith("function-")]
        raise ConfigError(f"{place}:{_line(root, keys)}: {_fault(first, keys)}") from None
    return found.model_copy(
        update={
            "domains": {
                name: _with_examples(domain, place, _line(root, ["domains", name]))
                for name, domain in found.domains.items()
            }
        }
    )


def passages(domain: Domain, folder: Path, where: str) -> list[str]:
    """The texts of a domain's documents, cut to passages.

    Raises:
        ConfigError: The pattern matches no file, or one is not text.
    """
    if domain.documents is None:
        return []
    files = sorted(path for path in folder.glob(domain.documents) if path.is_file())
    if not files:
        raise ConfigError(f"{where}: documents: {domain.documents!r} matches no file in {folder.resolve()}.")
    found = []
    for file in files:
        try:
            text = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{where}: documents: {file} is not readable text ({type(error).__name__}).") from None
        found += [text[at : at + MOST_EXAMPLE] for at in range(0, len(text), MOST_EXAMPLE)]
    return found


def scorer(domain: Domain, name: str) -> Scorer:
    """The user's function of a domain with check: function; modules in the current folder are found, too.

    Raises:
        ConfigError: There is no such module or function.
    """
    text = domain.function or ""
    module_name, _, attribute = text.partition(":")
    if not module_name or not attribute:
        raise ConfigError(f"domains.{name}.function: {text!r} is not of the form module:function.")
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except ImportError as error:
        raise ConfigError(f"domains.{name}.function: cannot import {module_name!r}: {error}.") from None
    except AttributeError:
        raise ConfigError(f"domains.{name}.function: {module_name!r} has no {attribute!r}.") from None
    if not callable(found):
        raise ConfigError(f"domains.{name}.function: {text!r} is not a function.")
    return found  # type: ignore[no-any-return]


def _with_examples(domain: Domain, file: Path, line: int) -> Domain:
    """The domain with what its files hold in `examples` and `material`."""
    where = f"{file}:{line}"
    examples = list(domain.examples)
    if domain.examples_file is not None:
        source = file.parent / domain.examples_file
        try:
            examples += [row.strip() for row in source.read_text(encoding="utf-8").splitlines() if row.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{where}: examples_file: cannot read {source} ({type(error).__name__}).") from None
    material = (*domain.material, *passages(domain, file.parent, where))
    return domain.model_copy(update={"examples": tuple(text[:MOST_EXAMPLE] for text in examples), "material": material})


def _fault(fault: Mapping[str, Any], keys: list[Any]) -> str:
    place = ".".join(str(key) for key in keys) or "domains"
    if fault["type"] == "extra_forbidden":
        known = Domain.model_fields if len(keys) > 1 else Domains.model_fields
        return f"{place}: unknown key.{did_you_mean(str(keys[-1]), known)}"
    if fault["type"] == "missing":
        return f"{place}: missing."
    return f"{place}: {str(fault['msg']).removeprefix('Value error, ')}."


def _line(root: Any, keys: list[Any]) -> int:
    """The line of the deepest of the keys that the file has."""
    import yaml

    node, line = root, root.start_mark.line + 1
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == str(key)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1
        else:
            break
    return int(line)
