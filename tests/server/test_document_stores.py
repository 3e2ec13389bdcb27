"""The documents of many tenants in PostgreSQL need no more connections than those of one."""

import threading
from pathlib import Path
from typing import Any

import psycopg

from fakes.processes import new_database
from flowc.rag.testing import MODEL, NAME, put, sources
from flowc.server.document_stores import DocumentStores
from flowc.server.settings import Settings


async def test_tenants_share_connections_and_threads(postgres: str, tmp_path: Path) -> None:
    url = new_database(postgres)["FLOWC_DATABASE_URL"]
    shared = DocumentStores(Settings(data_dir=tmp_path, database_url=url))
    tenants = [f"tenant-{number}" for number in range(30)]
    for tenant in tenants:
        store = await shared.open(tenant)
        await store.create(NAME, MODEL, 8)
        await put(store, "a", [f"secret of {tenant}"])
        found = await store.matching(NAME, "secret", 5, None)
        assert [passage.passage.text for passage in found] == [f"secret of {tenant}"]
        # One tenant's store is closed, and the others are not.
        await store.aclose()
        assert await sources(await shared.open(tenant), "secret") == ["a"]
    with psycopg.connect(url) as connection:
        asked = "select count(*) from pg_stat_activity where datname = current_database()"
        row: Any = connection.execute(asked).fetchone()
    assert row[0] <= 1 + 8
    threads = [each for each in threading.enumerate() if each.name.startswith("flowc-knowledge")]
    assert len(threads) <= 8
    await shared.aclose()
