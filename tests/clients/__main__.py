"""`make clients`: makes an environment per client, runs its checks against `leeroo serve`, prints a table.

    python -m tests.clients [--envs FOLDER] [CLIENT ...]

Not in the gate: it installs what is newest, and clients change. Environments that are there are taken as they are.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from leeroo.serve.app import Settings
from leeroo.serve.keys import KeyFile
from tests.integration.serve.conftest import router_over, running
from tests.openai_server import OpenAIServer

CLIENTS = {
    "openai": "openai",
    "openai-agents": "openai-agents",
    "anthropic": "anthropic",
    "litellm": "litellm",
    "pydantic-ai": "pydantic-ai-slim[openai,anthropic]",
    "instructor": "instructor",
    "haystack": "haystack-ai",
    "smolagents": "smolagents[openai]",
}
"""What is installed for each."""
CHECKS = ("chat", "streaming", "tools", "structured")
SECONDS = 300
"""For all checks of a client."""


def options(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line: `envs` and `clients`, which are none where all are meant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--envs", type=Path, default=Path(".clients"), help="folder of the environments")
    # Where none is named some Pythons look for the empty list, or for a default, among the choices.
    parser.add_argument("clients", nargs="*", choices=[*CLIENTS, []], metavar="CLIENT")
    return parser.parse_args(given)


def main() -> int:
    """Run it; 0 where nothing failed."""
    given = options()
    rows: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as folder, OpenAIServer(("small-model", "large-model")) as experts:
        experts.behave("small-model", {"shown": "Let me think."})  # clients have to live with thinking, too
        keys = KeyFile(Path(folder) / "keys.json")
        _, secret = keys.add("clients")
        with running(router_over(experts), keys=keys, settings=Settings(per_minute=0)) as url:
            print(columns("client", "version", *CHECKS))
            for name in given.clients or CLIENTS:
                rows[name] = tried(name, environment(given.envs, name), url, secret)
                print(line(name, rows[name]), flush=True)
    faults = [(name, check, fault) for name, row in rows.items() for check, fault in row["checks"].items() if fault]
    for name, check, fault in faults:
        print(f"\n{name}, {check}: {fault}")
    print(f"\n{datetime.now(UTC):%Y-%m-%d}, Python {sys.version.split()[0]}: {len(faults)} failed")
    return bool(faults)


def environment(folder: Path, name: str) -> Path:
    """The Python of a client's environment, which is made where there is none."""
    python = folder / name / "bin" / "python"
    if not python.exists():
        venv.create(folder / name, with_pip=True)
        install = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", CLIENTS[name]]
        subprocess.run(install, check=True)
    return python


def tried(name: str, python: Path, url: str, key: str) -> dict:
    """What a client's checks say."""
    script = Path(__file__).with_name(f"try_{name.replace('-', '_')}.py")
    command = [python.absolute(), script, url, key]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
        return json.loads(done.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        fault = f"not done within {SECONDS} s"
    except (subprocess.CalledProcessError, ValueError, IndexError) as error:
        fault = str(getattr(error, "stderr", error))[-2000:]
    return {"version": "?", "checks": dict.fromkeys(CHECKS, fault)}


def line(name: str, row: dict) -> str:
    """A client's line of the table, of 80 columns at most."""
    cells = ["failed" if row["checks"].get(check) else "ok" if check in row["checks"] else "-" for check in CHECKS]
    return columns(name, row["version"], *cells)


def columns(name: str, version: str, *cells: str) -> str:
    """One line of the table."""
    return f"{name:15.15} {version:12.12} " + " ".join(f"{cell:11}" for cell in cells).rstrip()


if __name__ == "__main__":
    sys.exit(main())
