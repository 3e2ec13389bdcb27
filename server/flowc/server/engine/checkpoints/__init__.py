"""Checkpointers: where the checkpoints of runs are stored."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from flowc.server.engine.checkpoints.small import WAKING, Saver, Savers

__all__ = ["WAKING", "Saver", "Savers", "open_savers"]


@asynccontextmanager
async def open_savers(url: str, file: Path, size: int = 8) -> AsyncIterator[Savers]:
    """Open the checkpoints: in the PostgreSQL database, or in a SQLite file of their own."""
    # Imported here: a process needs one of the two.
    if url.startswith("sqlite"):
        from flowc.server.engine.checkpoints.sqlite import (  # noqa: PLC0415
            SqliteSavers,
            open_saver,
        )

        async with open_saver(file) as saver:
            yield SqliteSavers(saver)
    else:
        from flowc.server.engine.checkpoints.postgres import (  # noqa: PLC0415
            PostgresSavers,
            open_pool,
        )

        async with open_pool(url, size) as pool:
            yield PostgresSavers(pool)
