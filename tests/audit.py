"""`make audit`: known vulnerabilities of what is installed, by pip-audit. Not in the gate: it asks an advisory index.

    python -m tests.audit [OPTIONS OF pip-audit]

pip-audit itself ends well where its index knows none of the packages, as of a mirror without advisories: nothing was
looked up then, and nothing found. Here that is a failure. Exit code 0: audited, nothing known; 1: vulnerabilities are
known; 2: no answer. pip-audit (2.10, 2026-11) has no advisories of its own to work with offline; where its indexes
cannot be reached, a mirror of OSV's API will do.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

REMEDY = (
    "Run it where pypi.org or api.osv.dev can be reached, or name a mirror of OSV's API: "
    "make audit AUDIT='--vulnerability-service osv --osv-url URL'"
)


def main(options: Sequence[str]) -> int:
    """Audit the environment that this runs in."""
    command = [str(Path(sys.executable).parent / "pip-audit"), "--local", "--skip-editable", "--format", "json",
               "--progress-spinner", "off", *options]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    code, said = verdict(done.stdout, done.stderr)
    sys.stdout.write(f"{said}\n")
    return code


def verdict(out: str, err: str) -> tuple[int, str]:
    """Exit code and words for what pip-audit wrote.

    Args:
        out: Its standard output.
        err: Its standard error.
    """
    try:
        packages: list[Mapping[str, Any]] = json.loads(out)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = next(iter(reversed(err.strip().splitlines())), "pip-audit said nothing")
        return 2, f"NOT AUDITED: no advisory index was reached ({last[:300]}).\n{REMEDY}"
    # Ours, installed to be edited, is no package of an index.
    packages = [one for one in packages if "editable" not in one.get("skip_reason", "")]
    left_out = [one["name"] for one in packages if "skip_reason" in one]
    audited = len(packages) - len(left_out)
    if not audited:
        return 2, f"NOT AUDITED: the index knows none of the {len(left_out)} packages.\n{REMEDY}"
    lines = [f"Audited {audited} packages."]
    if left_out:
        lines.append(f"Not audited, because the index does not know them: {', '.join(left_out)}.")
    found = [(one, known) for one in packages for known in one.get("vulns", ())]
    lines += [f"{one['name']} {one['version']}: {known['id']}, fixed in {', '.join(known['fix_versions']) or 'nothing'}"
              for one, known in found]  # fmt: skip
    return int(bool(found)), "\n".join(lines if found else [*lines, "No known vulnerabilities."])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
