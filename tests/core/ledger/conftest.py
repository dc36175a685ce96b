"""Every test of a ledger runs on SQLite, and on PostgreSQL where LEEROO_TEST_POSTGRES names a database to spoil."""

import os
import uuid

import pytest

from leeroo.ledger.opening import open_ledger

POSTGRES = os.environ.get("LEEROO_TEST_POSTGRES")
NO_POSTGRES = pytest.mark.skipif(not POSTGRES, reason="LEEROO_TEST_POSTGRES names no PostgreSQL database")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=NO_POSTGRES)])
def url(request, tmp_path):
    """URL of a new ledger."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/ledger.db"
        return
    import psycopg

    schema = f"leeroo_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(POSTGRES.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        yield f"{POSTGRES}?options=-csearch_path%3D{schema}"
        connection.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def ledger(url):
    opened = open_ledger(url)
    yield opened
    opened.close()


@pytest.fixture
def now(ledger):
    """The ledger's clock, in a list, to be set."""
    moment = [1_790_000_000.0]
    ledger._clock = lambda: moment[0]
    return moment
