import json
import stat

import pytest

from leeroo.errors import ConfigError
from leeroo.selfplay.journal import JOURNAL, Journal, RunInProgress


def test_events_are_there_again(tmp_path):
    with Journal(tmp_path) as journal:
        journal.add("asked", "a", worst=7)
        journal.add("asked", "b", worst=8)
        journal.add("asked", "a", worst=9)
    with Journal(tmp_path) as journal:
        assert journal.find("asked", "a")["worst"] == 9
        assert [event["key"] for event in journal.all("asked")] == ["a", "b"]
        assert journal.find("answered", "a") is None


def test_a_line_that_was_never_finished_is_cut_off(tmp_path):
    with Journal(tmp_path) as journal:
        journal.add("asked", "a", worst=7)
    with (tmp_path / JOURNAL).open("ab") as file:
        file.write(b'{"kind": "answered", "key": "a", "te')
    with Journal(tmp_path) as journal:
        assert journal.find("answered", "a") is None
        journal.add("answered", "a", text="x")
    lines = (tmp_path / JOURNAL).read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["asked", "answered"]


def test_damage_elsewhere_is_named_with_its_line(tmp_path):
    (tmp_path / JOURNAL).write_text('{"kind": "asked", "key": "a"}\nnonsense\n{"kind": "asked", "key": "b"}\n')
    with pytest.raises(ConfigError, match=rf"{JOURNAL}:2: damaged"):
        Journal(tmp_path)
    with pytest.raises(ConfigError):  # and the lock was given back, so it is the same error
        Journal(tmp_path)


def test_a_second_loop_is_refused_while_the_first_runs(tmp_path):
    with Journal(tmp_path), pytest.raises(RunInProgress, match="another self-play loop"):
        Journal(tmp_path)
    Journal(tmp_path).close()


def test_only_its_owner_may_read_it(tmp_path):
    with Journal(tmp_path) as journal:
        assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
