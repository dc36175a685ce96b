"""A pool's choices as a submission to RouterArena: its prediction files, configuration and prices.

The form is that of its repository in June 2026: a JSON array of queries in, a JSON array of predictions out. Answers
are generated and scored by RouterArena's own programs. Its rules forbid to fit anything on its queries.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leeroo.budget import Budget
from leeroo.errors import ConfigError
from leeroo.money import to_nano
from leeroo.outcomes.streaming import records_of
from leeroo.pool.experts import Expert
from leeroo.query import Query
from leeroo.routing.router import Router

Entry = dict[str, Any]


@dataclass(frozen=True)
class Submission:
    """What was written.

    Attributes:
        predictions: The prediction file.
        config: The router's configuration.
        prices: Prices in the form of its `model_cost/model_cost.json`.
        queries: How many were decided.
        optimality: Entries of the other experts, by which optimal selection is judged.
        reworded: Queries of the robustness file; 0 where none was given.
    """

    predictions: Path
    config: Path
    prices: Path
    queries: int
    optimality: int
    reworded: int


def read_queries(file: Path) -> Iterator[tuple[str, str]]:
    """Index and prompt of every query of a RouterArena data set file.

    Args:
        file: A JSON array or JSON Lines of objects with `global index` and `prompt_formatted` or `prompt`.

    Raises:
        ConfigError: A query lacks one of these, or the file cannot be read. No text is repeated.
    """
    for line, record in records_of(file):
        if not isinstance(record, Mapping):
            raise ConfigError(f"{file}:{line}: not a query; RouterArena's files hold JSON objects.")
        index = record.get("global index") or record.get("global_index") or record.get("Global Index")
        prompt = record.get("prompt_formatted") or record.get("prompt")
        if not index or not isinstance(prompt, str):
            raise ConfigError(f"{file}:{line}: needs 'global index', and 'prompt_formatted' or 'prompt'.")
        yield str(index), prompt


def write_submission(
    router: Router,
    queries: Path,
    folder: Path,
    *,
    name: str,
    budget: Budget,
    optimality: Path | None = None,
    robustness: Path | None = None,
) -> Submission:
    """Decide every query and write the files. No expert is asked.

    Args:
        router: Whose pool and predictor decide.
        queries: RouterArena's queries, as `read_queries` takes them.
        folder: Files go to `config`, `predictions` and `model_cost` in it.
        name: The router's name on the board.
        budget: The rule of choice.
        optimality: The 10% split; for each of its queries the experts that were not chosen are listed, too.
        robustness: The same queries in other words.

    Raises:
        ConfigError: A file is not of that form, two experts have one model, or no expert may take a query.
    """
    names = _names(router)
    decide = _Decider(router, budget, names)
    regular = [_entry(index, prompt, decide(prompt)) for index, prompt in read_queries(queries)]
    if not regular:
        raise ConfigError(f"{queries}: there is no query in it.")
    judged = {index for index, _ in read_queries(optimality)} if optimality else set()
    others = [
        _entry(one["global index"], one["prompt"], other, optimality=True)
        for one in regular
        if one["global index"] in judged
        for other in names.values()
        if other != one["prediction"]
    ]
    reworded = [_entry(i, prompt, decide(prompt)) for i, prompt in read_queries(robustness)] if robustness else []
    config = {"pipeline_params": {"router_name": name, "models": list(names.values())}}
    place = _written(folder / "config" / f"{name}.json", config)
    prices = {names[e.name]: _price(e) for e in router.pool}
    if reworded:
        _written(folder / "predictions" / f"{name}-robustness.json", reworded)
    return Submission(
        predictions=_written(folder / "predictions" / f"{name}.json", [*regular, *others]),
        config=place,
        prices=_written(folder / "model_cost" / f"{name}.json", prices),
        queries=len(regular),
        optimality=len(others),
        reworded=len(reworded),
    )


class _Decider:
    """The model that a router would ask for a prompt."""

    def __init__(self, router: Router, budget: Budget, names: Mapping[str, str]) -> None:
        self._router, self._names = router, names
        self._budget = budget.over(router.budget)
        most = self._budget.max_cost
        self._cap = None if most in (None, float("inf")) else to_nano(most or 0.0)

    def __call__(self, prompt: str) -> str:
        decision = self._router.decide(Query(text=prompt, prompt=prompt), self._budget, self._cap)
        if not decision.selection.order:
            why = "; ".join(f"{c.expert.name}: {c.ineligible}" for c in decision.candidates)
            raise ConfigError(f"No expert may take one of the queries ({why}).")
        return self._names[decision.chosen.expert.name]


def _names(router: Router) -> dict[str, str]:
    """Experts' models as the board names them: what their provider calls them, without the provider."""
    found = {expert.name: expert.model_id for expert in router.pool}
    twice: Sequence[str] = [model for model in found.values() if list(found.values()).count(model) > 1]
    if twice:
        raise ConfigError(f"Two experts have the model {twice[0]!r}, which RouterArena cannot tell apart.")
    return found


def _entry(index: str, prompt: str, model: str, *, optimality: bool = False) -> Entry:
    empty = {"generated_result": None, "cost": None, "accuracy": None}
    return {"global index": index, "prompt": prompt, "prediction": model, **empty, "for_optimality": optimality}


def _price(expert: Expert) -> dict[str, float]:
    price = expert.known_price
    return {"input_token_price_per_million": price.input, "output_token_price_per_million": price.output}


def _written(path: Path, content: Iterable[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return path
