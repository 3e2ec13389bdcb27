"""How is kept what nodes gave, for as long as their authors say?"""

from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from flowc.server.records.times import now
from flowc.server.store.database import Database, insertion, reading, writing
from flowc.server.store.tables import NodeCacheRow


class StoredCache:
    """One tenant's outputs by key; a `NodeCache` that outlives the process."""

    def __init__(self, database: Database, tenant: str) -> None:
        self.database, self._tenant = database, tenant

    @reading
    def get(self, session: Session, key: str) -> str | None:
        """Return what is kept under a key, unless its time is over."""
        row = session.get(NodeCacheRow, (self._tenant, key))
        return row.text if row is not None and row.expires_at > now() else None

    @writing
    def put(self, session: Session, key: str, text: str, ttl: float) -> None:
        """Keep a text for `ttl` seconds."""
        expires_at = now() + timedelta(seconds=ttl)
        found = {"text": text, "expires_at": expires_at}
        row = insertion(session, NodeCacheRow).values(tenant=self._tenant, key=key, **found)
        session.execute(row.on_conflict_do_update(index_elements=["tenant", "key"], set_=found))

    @writing
    def prune(self, session: Session) -> None:
        """Forget what nobody can ask for any more."""
        mine = NodeCacheRow.tenant == self._tenant
        session.execute(delete(NodeCacheRow).where(mine, NodeCacheRow.expires_at <= now()))
