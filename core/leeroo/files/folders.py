"""Folders that a caller names to write into."""

from pathlib import Path

from leeroo.errors import ConfigError


def made_folder(place: Path) -> None:
    """Make a folder where there is none.

    Raises:
        ConfigError: It cannot be one, such as where a file has its name.
    """
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{place} cannot be made a folder ({error.strerror}); name another one.") from None
