"""What an answer means that has nothing in it: `OnEmpty`, a setting of routers and pool files."""

from typing import Literal, get_args

from leeroo.errors import ConfigError, did_you_mean

OnEmpty = Literal["next", "accept"]
"""What an answer without anything in it, or to a part of the prompt, means: ask the next expert, where there is one, or
take it as it is."""
ON_EMPTY: tuple[OnEmpty, ...] = get_args(OnEmpty)


def on_empty_of(given: object, where: str = "on_empty") -> OnEmpty:
    """A setting of `on_empty`, checked.

    Args:
        given: The value.
        where: Its name for the error.

    Raises:
        ConfigError: It is none.
    """
    for known in ON_EMPTY:
        if given == known:
            return known
    raise ConfigError(f"{where} is {given!r}; give one of 'next', 'accept'.{did_you_mean(str(given), ON_EMPTY)}")
