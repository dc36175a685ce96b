"""Broken files end in a value or a clear error; `benchmarks/fuzz.py` looks for longer."""

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leeroo import LeerooError
from leeroo.pool.file import read_pool
from tests.fuzz import fuzz


def test_mutated_files_crash_no_reader(tmp_path):
    found = fuzz(tmp_path, seed=20261124, inputs=60)
    assert found["crashes"] == []
    assert found["ends"]["pool"]["refused"] > 10


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=4)
KEYS = (
    "model", "base_url", "price", "input", "output", "tiers", "above", "context_window", "timeout", "headers", "stop",
    "benchmark", "latency", "experts", "budget", "max_cost", "scope", "reference", "ledger", "capabilities", "traits",
)  # fmt: skip
keys = st.sampled_from(KEYS) | st.text(max_size=5)
things = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys | scalars, inner, max_size=4),
    max_leaves=12,
)
experts = st.fixed_dictionaries(
    {"model": st.just("openai:gpt-4o-mini") | things}, optional={"price": things, "timeout": things, "headers": things,
    "benchmark": things, "stop": things, "capabilities": things, "context_window": things, "tokenizer": things}
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.fixed_dictionaries(
        {"experts": st.dictionaries(st.text(max_size=3), experts | things, max_size=2) | things},
        optional={"budget": things, "reference": things, "ledger": scalars, "other": things},
    )
)
def test_any_mapping_is_a_pool_or_a_clear_error(given_mapping):
    with suppress(LeerooError):
        assert len(read_pool(given_mapping).pool) > 0


@pytest.mark.parametrize("data", [b"", b"\x00" * 100, b"&a [*a]", b"a: &a {b: *a}\nexperts: *a"])
def test_odd_bytes(tmp_path, data):
    (tmp_path / "pool.yaml").write_bytes(data)
    with pytest.raises(LeerooError):
        read_pool(tmp_path / "pool.yaml")
