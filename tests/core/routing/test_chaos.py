"""A short storm; `benchmarks/chaos.py` makes the long one."""

import pytest

from tests.chaos import WAYS, storm


def test_every_call_of_a_storm_ends_well_or_clearly_and_none_passes_its_cap(tmp_path):
    pytest.importorskip("sqlalchemy")
    from leeroo.ledger.opening import open_ledger

    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    found = storm(200, threads=24, seed=7, ledger=ledger)
    assert found["faults"] == []
    assert sum(found["ends"].values()) == 200
    assert found["ends"]["answered"] > 0
    assert set(found["ways"]) - {"well"} <= set(WAYS)
    assert len(found["ways"]) > 12
    assert ledger.open_reservations() == []
    assert sum(row["cost"] for row in ledger.spend("expert", "chaos")) == found["spent_nano"]
    ledger.close()
