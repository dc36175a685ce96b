"""The two local models, started once for all tests that want them."""

from collections.abc import Iterator

import pytest

from leeroo.endpoints import local


@pytest.fixture(scope="session")
def local_experts() -> Iterator[local.LocalExperts]:
    """Both models, running."""
    running = local.experts()
    with running:
        yield running
