"""Where the documents of tenants are: in a folder of their own, or all in one PostgreSQL."""

import asyncio
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from flowc.rag.stores import DocumentStore
from flowc.server.settings import Settings, is_sqlite

if TYPE_CHECKING:
    from flowc.rag.stores.postgres import PostgresStore

_PLAIN = re.compile(r"[a-z][a-z0-9_-]{0,30}")


class DocumentStores:
    """Opens the documents of tenants; those in PostgreSQL share connections and threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opening = asyncio.Lock()
        self._first: PostgresStore | None = None

    async def open(self, tenant: str) -> DocumentStore:
        """Open the documents of a tenant."""
        # Imported here: Chroma takes a second, and few workflows use documents.
        if is_sqlite(self._settings.database):
            from flowc.rag.stores.local import LocalStore  # noqa: PLC0415

            return await LocalStore.open(local_documents(self._settings, tenant), tenant)
        from flowc.rag.stores.postgres import PostgresStore  # noqa: PLC0415

        async with self._opening:
            if self._first is None:
                self._first = await PostgresStore.open(self._settings.database, tenant)
            return self._first.of(tenant)

    async def aclose(self) -> None:
        """Close what the tenants share."""
        if self._first is not None:
            await self._first.aclose()


def local_documents(settings: Settings, tenant: str) -> Path:
    """Return the folder of a tenant's documents, if they are not in PostgreSQL."""
    return settings.data_dir / "knowledge" / _folder_of(tenant)


def _folder_of(tenant: str) -> str:
    """Return a folder's name that no other tenant has, also where `A` and `a` are the same.

    >>> _folder_of("acme"), len(_folder_of("Acme"))
    ('acme', 32)
    """
    if _PLAIN.fullmatch(tenant):
        return tenant
    return hashlib.sha256(tenant.encode()).hexdigest()[:32]
