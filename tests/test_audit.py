"""What `make audit` makes of pip-audit's words: an index that knows nothing has found nothing."""

import json

import pytest

from tests.audit import verdict

UNKNOWN = {"name": "torch", "skip_reason": "Dependency not found on PyPI and could not be audited: torch (2.13.0+cpu)"}
OURS = {"name": "leeroo", "skip_reason": "distribution marked as editable"}
WELL = {"name": "httpx", "version": "0.28.1", "vulns": []}
BAD = {"name": "h11", "version": "0.14", "vulns": [{"id": "CVE-2025-43859", "fix_versions": ["0.16.0"]}]}


@pytest.mark.parametrize(
    ("packages", "code", "words"),
    [
        ([WELL, OURS], 0, "Audited 1 packages.\nNo known"),
        ([WELL, UNKNOWN, OURS], 0, "does not know them: torch."),
        ([WELL, BAD], 1, "h11 0.14: CVE-2025-43859, fixed in 0.16.0"),
        ([UNKNOWN, OURS], 2, "NOT AUDITED: the index knows none of the 1 packages"),
        ([], 2, "NOT AUDITED"),
    ],
)
def test_verdicts(packages, code, words):
    found, said = verdict(json.dumps({"dependencies": packages, "fixes": []}), "")
    assert found == code
    assert words in said
    assert ("--osv-url" in said) == (code == 2)


@pytest.mark.parametrize("out", ["", "Traceback", "[]", "{}"])
def test_an_index_that_cannot_be_reached_is_named(out):
    code, said = verdict(out, "Traceback\n  ...\nConnectionError: api.osv.dev: Name or service not known\n")
    assert code == 2
    assert "api.osv.dev" in said
    assert "--osv-url" in said
