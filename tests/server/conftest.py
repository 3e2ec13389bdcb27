"""What several tests of the server share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fakes.written_store import WrittenStore, written_store


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[WrittenStore]:
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/d.db" if is_sqlite else request.getfixturevalue("postgres")
    async with written_store(url) as found:
        yield found
