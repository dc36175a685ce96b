"""MkDocs hook: the navigation, with every how-to that is there, and a reference page for every package."""

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
PACKAGES = {"leeroo": ROOT / "core/leeroo", "langchain_leeroo": ROOT / "langchain_leeroo",
            "llamaindex_leeroo": ROOT / "llamaindex_leeroo"}  # fmt: skip
HIDDEN = ("cli", "demo", "child", "sandbox_child")
"""The command line documents itself (`leeroo --help`); scripts of child processes are nobody's to call."""


def _modules() -> dict[str, list[str]]:
    """Public modules by the package whose page they are on."""
    found: dict[str, list[str]] = {}
    for name, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = [name, *path.relative_to(folder).with_suffix("").parts]
            if parts[-1] == "__init__":
                continue
            if not any(part.startswith("_") or part.split("_")[0] == "cli" or part in HIDDEN for part in parts):
                found.setdefault(".".join(parts[:-1]), []).append(".".join(parts))
    return found


def on_config(config: Any) -> None:
    """Write the navigation."""
    guides = sorted(path.name for path in (ROOT / "docs/how-to").glob("*.md"))
    config["nav"] = [
        {"Leeroo": "index.md"},
        {"Concepts": "concepts.md"},
        {"How to": [f"how-to/{name}" for name in guides]},
        {"Security": "security.md"},
        {"Troubleshooting": "troubleshooting.md"},
        {"Results": sorted(path.name for path in (ROOT / "docs").glob("[A-Z]*.md"))},
        {"Reference": ["reference/index.md", *({name: f"reference/{name}.md"} for name in _modules())]},
    ]


def on_files(files: Files, config: Any) -> Files:
    """Add the reference pages."""
    for package, modules in _modules().items():
        text = f"# {package}\n\n" + "\n".join(f"::: {module}\n" for module in modules)
        files.append(File.generated(config, f"reference/{package}.md", content=text))
    return files
