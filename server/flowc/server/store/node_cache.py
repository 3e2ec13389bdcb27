"""The cache of node outputs, in the database."""

from datetime import timedelta

from sqlalchemy.orm import Session

from flowc.server.records.times import now
from flowc.server.store.database import Database, reading, writing
from flowc.server.store.insertions import insertion
from flowc.server.store.tables import NodeCacheRow


class StoredCache:
    """One tenant's cached outputs by key; a `NodeCache` that outlives the process."""

    def __init__(self, database: Database, tenant: str) -> None:
        self.database, self._tenant = database, tenant

    @reading
    def get(self, session: Session, key: str) -> str | None:
        """Return the text of a key; None if there is none, or it has expired."""
        row = session.get(NodeCacheRow, (self._tenant, key))
        return row.text if row is not None and row.expires_at > now() else None

    @writing
    def put(self, session: Session, key: str, text: str, ttl: float) -> None:
        """Store a text for `ttl` seconds."""
        expires_at = now() + timedelta(seconds=ttl)
        found = {"text": text, "expires_at": expires_at}
        row = insertion(session, NodeCacheRow).values(tenant=self._tenant, key=key, **found)
        session.execute(row.on_conflict_do_update(index_elements=["tenant", "key"], set_=found))
