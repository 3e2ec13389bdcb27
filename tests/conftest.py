"""Fixtures for all tests."""

from collections.abc import Iterator

import flows
import pytest


@pytest.fixture(params=["node", "fused"])
def granularity(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Compile the test's workflows at each granularity, one after the other."""
    monkeypatch.setattr(flows, "GRANULARITY", request.param)
    yield request.param
