"""`.ci/suites`: the frameworks' own tests, bare and behind a Leeroo of one expert; fails on any new difference.

    python -m tests.frameworks [--place FOLDER] [SUITE ...]

The tests come from the frameworks' source distributions at the versions below, and run in an environment with just
these versions. What passes bare and fails wrapped is a difference; `accepted.csv` lists those that are as they should
be, each with its reason. Nothing of the tests is kept in this repository. deepagents (0.7.32) and llama-index-core
(0.14.25) publish no tests with their sources (2026-11-26).
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tarfile
import venv
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
PINNED = (
    "langchain==1.5.2",
    "langchain-core==1.8.3",
    "langchain-openai==1.7.4",
    "langchain-tests==1.1.9",
    "langgraph==1.2.24",
    "langgraph-prebuilt==1.1.3",
)
_PYTEST = "pytest pytest-asyncio pytest-benchmark pytest-mock pytest-socket pytest-xdist"
_OTHERS = "syrupy vcrpy toml blockbuster hatchling langgraph-checkpoint-sqlite langgraph-checkpoint-postgres"
BESIDE = (*_PYTEST.split(), *_OTHERS.split(), "psycopg[binary]")
"""What these tests need; hatchling because pip asks a source distribution for its metadata before it keeps it."""


@dataclass(frozen=True)
class Suite:
    """A part of a framework's tests.

    Attributes:
        distribution: Where they come from, at its version in `PINNED`.
        paths: The tests, in its sources.
        ignored: Those that need what is not installed.
    """

    distribution: str
    paths: tuple[str, ...]
    ignored: tuple[str, ...] = ()


SUITES = {
    "langchain-agents": Suite("langchain", ("tests/unit_tests/agents",)),
    "langgraph-prebuilt": Suite("langgraph-prebuilt", ("tests",)),
}
SHOWN = 40
"""New differences of a suite."""


def main() -> int:
    """Run the suites; 0 where nothing new differs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--place", type=Path, default=PROJECT / ".suites", help="environment, sources and outcomes")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(SUITES))
    given = parser.parse_args()
    if unknown := [name for name in given.suites if name not in SUITES]:
        parser.error(f"no suite {unknown[0]!r}; there are {', '.join(SUITES)}")
    python = environment(given.place)
    accepted = reasons()
    failed = 0
    for name in given.suites or SUITES:
        bare, wrapped = (outcomes(python, given.place, name, wrap=wrap) for wrap in (False, True))
        differ = sorted(test for test, came in bare.items() if came == "passed" and wrapped.get(test) != "passed")
        new = [test for test in differ if not any(fnmatch(f"{name}:{test}", pattern) for pattern in accepted)]
        both = [sum(came == "passed" for came in some.values()) for some in (bare, wrapped)]
        print(
            f"{name}: {both[0]} of {len(bare)} pass bare, {both[1]} behind Leeroo; {len(differ)} differ, {len(new)} new"
        )
        for test in new[:SHOWN]:
            print(f"  {test}")
        if len(new) > SHOWN:
            print(f"  ... and {len(new) - SHOWN} more: see {given.place}/{name}-wrapped.log")
        failed += len(new)
        if not both[0]:
            print(f"  No test of {name} passed bare: see {given.place}/{name}-bare.log.")
            failed += 1
    return bool(failed)


def environment(place: Path) -> Path:
    """The interpreter of an environment with the pinned versions, made where there is none."""
    python = place / "env" / "bin" / "python"
    mark = place / "env" / "installed.txt"
    wanted = "\n".join((*PINNED, *BESIDE))
    if not (mark.exists() and mark.read_text(encoding="utf-8") == wanted):
        venv.create(place / "env", with_pip=True, clear=True)
        _pip(python, "install", *PINNED, *BESIDE, f"{PROJECT}[langchain]")
        _pip(python, "uninstall", "-y", "leeroo")  # what is tested is the checkout, of which only the needs were wanted
        mark.write_text(wanted, encoding="utf-8")
    return python


def sources(python: Path, place: Path, distribution: str) -> Path:
    """The unpacked source distribution, at its pinned version."""
    pinned = next(one for one in PINNED if one.startswith(f"{distribution}=="))
    version = pinned.partition("==")[2]
    folder = place / f"{distribution.replace('-', '_')}-{version}"
    if not folder.exists():
        how = ("--no-deps", "--no-binary", ":all:", "--no-build-isolation", "-d", str(place))
        _pip(python, "download", *how, pinned)
        archive = place / f"{folder.name}.tar.gz"
        if not archive.exists():
            raise SystemExit(f"{pinned}: the package index gave no source distribution.")
        with tarfile.open(archive) as packed:
            packed.extractall(place, filter="data")
    return folder


def outcomes(python: Path, place: Path, name: str, *, wrap: bool) -> dict[str, str]:
    """What came out of a suite's tests, by their ids; what was printed stays in a file of its own."""
    suite = SUITES[name]
    folder = sources(python, place, suite.distribution)
    label = f"{name}-{'wrapped' if wrap else 'bare'}"
    told = (place / f"{label}.json").resolve()
    told.unlink(missing_ok=True)
    env = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "LEEROO"))},
        "PYTHONPATH": os.pathsep.join(str(path) for path in (HERE, PROJECT / "core", PROJECT)),
        "LEEROO_OUTCOMES": str(told),
        "LEEROO_WRAP": str(int(wrap)),
        "HF_HUB_OFFLINE": "1",
    }
    ignored = [f"--ignore={path}" for path in suite.ignored]
    shown = ("-p", "leeroo_wrapped", "-n", "2", "-q", "--no-header", "--tb=short")
    command = [python.absolute(), "-m", "pytest", *shown, *ignored, *suite.paths]
    with (place / f"{label}.log").open("w", encoding="utf-8") as log:
        subprocess.run(command, cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT, check=False)
    if not told.exists():
        raise SystemExit(f"{name}: the tests did not run; see {place}/{label}.log.")
    found: dict[str, str] = json.loads(told.read_text(encoding="utf-8"))
    return found


def reasons() -> dict[str, str]:
    """Accepted differences: patterns of SUITE:TEST, and why each is right."""
    with (HERE / "accepted.csv").open(encoding="utf-8", newline="") as file:
        return {row["test"]: row["reason"] for row in csv.DictReader(file)}


def _pip(python: Path, *command: str) -> None:
    done = subprocess.run([python, "-m", "pip", "--disable-pip-version-check", "-qq", *command], check=False)
    if done.returncode:
        raise SystemExit(f"pip {command[0]} failed: the frameworks' own tests need the package index.")


if __name__ == "__main__":
    sys.exit(main())
