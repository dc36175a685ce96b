"""How often one expert may be asked in a call: a setting of pool files, of `Consulting` and of `leeroo serve`."""

from leeroo.errors import ConfigError

MOST_REPEATS = 5
"""Draws of one expert in one call, at most."""


def repeats_of(given: object, place: str = "repeats") -> int:
    """How often one expert may be asked.

    Args:
        given: What somebody has said.
        place: Where, for the error.

    Raises:
        ConfigError: It is no whole number from 1 to `MOST_REPEATS`.
    """
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= MOST_REPEATS:
        raise ConfigError(f"{place} is {given!r}; give a whole number, 1 (each expert once) to {MOST_REPEATS}.")
    return given
