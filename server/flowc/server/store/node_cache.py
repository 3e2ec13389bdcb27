"""How is kept what nodes gave, for as long as their authors say?"""

from datetime import timedelta

from sqlalchemy import delete

from flowc.server.records import now
from flowc.server.store.database import Database
from flowc.server.store.tables import NodeCacheRow


class StoredCache:
    """One tenant's outputs by key; a `NodeCache` that outlives the process."""

    def __init__(self, database: Database, tenant: str) -> None:
        self._database, self._tenant = database, tenant

    async def get(self, key: str) -> str | None:
        """Return what is kept under a key, unless its time is over."""
        async with self._database.reading() as session:
            row = await session.get(NodeCacheRow, (self._tenant, key))
            return row.text if row is not None and row.expires_at > now() else None

    async def put(self, key: str, text: str, ttl: float) -> None:
        """Keep a text for `ttl` seconds."""
        expires_at = now() + timedelta(seconds=ttl)
        row = NodeCacheRow(tenant=self._tenant, key=key, text=text, expires_at=expires_at)
        async with self._database.transaction() as session:
            await session.merge(row)

    async def prune(self) -> None:
        """Forget what nobody can ask for any more."""
        async with self._database.transaction() as session:
            mine = NodeCacheRow.tenant == self._tenant
            await session.execute(
                delete(NodeCacheRow).where(mine, NodeCacheRow.expires_at <= now())
            )
