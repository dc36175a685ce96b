"""The pool file: experts, reference, budget and ledger of one router, in YAML or as a dict."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leeroo.budget import Budget
from leeroo.errors import ConfigError, did_you_mean
from leeroo.pool.on_empty import OnEmpty, on_empty_of
from leeroo.pool.pool import Pool
from leeroo.pool.repeats import repeats_of
from leeroo.pool.yamlfile import load_mapping

KEYS = ("experts", "reference", "budget", "ledger", "predictor", "learn", "on_empty", "consult")
LEARN_KEYS = ("memory", "scope_memory", "signals", "frozen", "every")
CONSULT_KEYS = ("model", "likeness", "judge", "repeats")


@dataclass(frozen=True)
class PoolFile:
    """What a pool file says.

    Attributes:
        pool: Its experts.
        budget: Defaults of every call.
        ledger: URL of the ledger, None for one in memory.
        predictor: Folder of an artifact or of versions, None for the predictor that ships.
        learn: Options of the learner from feedback, None where nothing is learned.
        on_empty: What an answer with nothing in it means: "next" or "accept".
        consult: How several experts are consulted: `model` and `likeness` (paths), `judge` (an expert's name),
            `repeats` (how often one expert may be asked).
    """

    pool: Pool
    budget: Budget
    ledger: str | None = None
    predictor: Path | None = None
    learn: Mapping[str, Any] | None = None
    on_empty: OnEmpty = "next"
    consult: Mapping[str, Any] | None = None


def read_pool(source: str | Path | Mapping[str, Any]) -> PoolFile:
    """Read a pool file, or a mapping of the same form.

    Raises:
        ConfigError: The file, a key or a value is not usable; the message names the place and the nearest valid key.
    """
    name = "pool" if isinstance(source, Mapping) else str(source)
    data = source if isinstance(source, Mapping) else load_mapping(source)
    for key in data:
        if key not in KEYS:
            raise ConfigError(f"{name}: unknown key {key!r}.{did_you_mean(str(key), KEYS)}")
    experts = data.get("experts")
    if not isinstance(experts, Mapping) or not experts:
        raise ConfigError(
            f"{name}: 'experts' must map at least one name to an expert, such as small: {{model: openai:gpt-5-nano}}."
        )
    for expert, given in experts.items():
        if not isinstance(given, Mapping):
            raise ConfigError(
                f"{name}: experts.{expert} must be a mapping with the key 'model', not {type(given).__name__}."
            )
        if "model" not in given:
            raise ConfigError(f"{name}: experts.{expert} has no 'model'; give one, such as openai:gpt-5-nano.")
    given_budget = {} if data.get("budget") is None else data["budget"]
    if not isinstance(given_budget, Mapping):
        raise ConfigError(f"{name}: 'budget' must be a mapping, such as {{max_cost: 0.02}}.")
    reference, ledger, predictor = (_string(name, data, key) for key in ("reference", "ledger", "predictor"))
    try:
        budget = Budget.of({str(k): v for k, v in given_budget.items()})
    except ConfigError as error:
        raise ConfigError(f"{name}: budget: {error}") from None
    pool = Pool({str(k): dict(v) for k, v in experts.items()}, reference=reference, source=name)
    if budget.expert is not None and budget.expert not in pool:
        raise ConfigError(
            f"{name}: budget.expert {budget.expert!r} is not in the pool.{did_you_mean(budget.expert, pool.names)}"
        )
    # A relative path starts at the pool file, wherever the program was started.
    around = Path() if isinstance(source, Mapping) else Path(source).parent
    given = data.get("on_empty")
    on_empty = "next" if given is None else on_empty_of(given, f"{name}: on_empty")
    place = None if predictor is None else around / predictor
    consult = _consult(name, data, pool, around)
    return PoolFile(pool, budget, ledger, place, _learn(name, data), on_empty, consult)


def _consult(name: str, data: Mapping[str, Any], pool: Pool, around: Path) -> dict[str, Any] | None:
    given = data.get("consult")
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise ConfigError(f"{name}: 'consult' must be a mapping, such as {{model: consult.json, judge: large}}.")
    found: dict[str, Any] = {}
    for key in given:
        if key not in CONSULT_KEYS:
            raise ConfigError(f"{name}: consult: unknown key {key!r}.{did_you_mean(str(key), CONSULT_KEYS)}")
        if key == "repeats":
            found[key] = repeats_of(given[key], f"{name}: consult.repeats")
            continue
        text = _string(f"{name}: consult", given, key)
        if text is not None:
            found[key] = text if key == "judge" else around / text
    if "judge" in found and found["judge"] not in pool:
        near = did_you_mean(found["judge"], pool.names)
        raise ConfigError(f"{name}: consult.judge {found['judge']!r} is not in the pool.{near}")
    return found


def _string(name: str, data: Mapping[str, Any], key: str) -> str | None:
    value = data.get(key)
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"{name}: {key!r} must be a string, not {type(value).__name__}.")
    return value


def _learn(name: str, data: Mapping[str, Any]) -> dict[str, Any] | None:
    given = data.get("learn")
    if given is None or given is False:
        return None
    if given is not True and not isinstance(given, Mapping):
        raise ConfigError(f"{name}: 'learn' must be true, false or a mapping, such as {{memory: 500}}.")
    options = {} if given is True else {str(key): value for key, value in given.items()}
    for key in options:
        if key not in LEARN_KEYS:
            raise ConfigError(f"{name}: learn: unknown key {key!r}.{did_you_mean(key, LEARN_KEYS)}")
    return options
