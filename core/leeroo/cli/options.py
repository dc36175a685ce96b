"""Options that several commands share; those of a budget are built from `leeroo.budget.FIELDS`."""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from leeroo.budget import FIELDS, Budget

PoolOption = Annotated[
    Path | None,
    typer.Option(
        "--pool", help="Pool file. Default: $LEEROO_POOL, ./leeroo.yaml, ./pool.yaml, else two local experts."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ARTIFACT = "Predictor artifact; the one that ships when absent."

NOT_OFFERED = ("scope",)
"""Commands charge what the pool file says."""


def with_budget(command: Callable[..., None]) -> Callable[..., None]:
    """A command with one option per field of `Budget`, in place of its parameter `budget`."""
    offered = [field for field in FIELDS.values() if field.name not in NOT_OFFERED]

    @wraps(command)
    def run(**given: Any) -> None:
        command(budget=Budget(**{field.name: given.pop(field.name) for field in offered}), **given)

    options = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[field.type | None, typer.Option(help=field.description)],
        )
        for field in offered
    ]
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)]
        parameters += options if parameter.name == "budget" else own
    # typer reads both.
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run
