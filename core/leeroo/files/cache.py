"""The folder of what is kept between runs because it takes long to make."""

import os
from pathlib import Path


def cache_dir() -> Path:
    """The folder: `$LEEROO_CACHE_DIR`, else `leeroo` in the user's cache folder."""
    if chosen := os.environ.get("LEEROO_CACHE_DIR"):
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leeroo"
