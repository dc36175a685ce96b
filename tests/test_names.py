"""Every public name is where the packages and the documentation say, and means what it says."""

import importlib
import re
from pathlib import Path

import pytest

import langchain_leeroo
import leeroo
import llamaindex_leeroo

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
OURS = r"(?:leeroo|langchain_leeroo|llamaindex_leeroo)"
LINK = re.compile(rf"\]\[({OURS}\.[\w.]+)\]")
IMPORT = re.compile(rf"^\s*(?:>>> )?from ({OURS}[\w.]*) import ([\w, ]+)$", re.MULTILINE)


def found(dotted):
    """What a dotted name stands for."""
    parts = dotted.split(".")
    for at in range(len(parts), 0, -1):
        try:
            thing = importlib.import_module(".".join(parts[:at]))
        except ModuleNotFoundError:
            continue
        for name in parts[at:]:
            thing = getattr(thing, name)
        return thing
    raise AttributeError(dotted)


@pytest.mark.parametrize("package", [leeroo, langchain_leeroo, llamaindex_leeroo], ids=lambda p: p.__name__)
def test_a_package_has_what_it_offers(package):
    assert package.__all__ == sorted(package.__all__)
    for name in package.__all__:
        assert getattr(package, name) is not None


LINKED = sorted({name for page in PAGES for name in LINK.findall(page.read_text(encoding="utf-8"))})
SHOWN = sorted(
    {
        f"{module}.{name.strip().split(' as ')[0]}"
        for page in PAGES
        for module, names in IMPORT.findall(page.read_text(encoding="utf-8"))
        for name in names.split(",")
    }
)


def test_the_pages_name_a_few():
    assert len(LINKED) > 20
    assert len(SHOWN) > 8


@pytest.mark.parametrize("name", LINKED)
def test_a_name_in_the_reference_is_defined_where_the_link_says(name):
    thing = found(name)
    assert getattr(thing, "__module__", None) in (None, name.rpartition(".")[0])


@pytest.mark.parametrize("name", SHOWN)
def test_an_import_in_an_example_works(name):
    found(name)
