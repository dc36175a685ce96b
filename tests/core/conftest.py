"""What tests of several rooms share."""

import pytest

from tests.core.tables import make_table


class Clock:
    """Tells the time that a test has set in `now`, in seconds."""

    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(scope="session")
def table_dir(tmp_path_factory):
    return make_table(tmp_path_factory.mktemp("tables"), "toy")
