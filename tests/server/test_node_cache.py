"""The cache of outputs in the database, with many writers at once."""

import asyncio

from fakes.processes import new_database
from flowc.server.store.database import Database
from flowc.server.store.node_cache import StoredCache


async def test_many_writers_cache_one_output_at_the_same_time(postgres: str) -> None:
    database = await Database.open(new_database(postgres)["FLOWC_DATABASE_URL"])
    cache = StoredCache(database, "default")
    try:
        for number in range(10):
            key = f"key {number}"
            await asyncio.gather(*(cache.put(key, "kept", 60.0) for _ in range(8)))
            assert await cache.get(key) == "kept"
    finally:
        await database.close()
