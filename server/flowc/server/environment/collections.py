"""Reads which collections there are, without opening them: that takes seconds, and a lock."""

import logging
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, create_engine, make_url, select

from flowc.rag.stores import catalog
from flowc.server.document_stores import local_documents
from flowc.server.settings import Settings, is_sqlite
from flowc.server.store.database import DATABASE_PROBLEMS

log = logging.getLogger(__name__)


def models_of_collections(settings: Settings, tenant: str) -> Mapping[str, str] | None:
    """Return the embedding model of each collection by its name; None if they cannot be read."""
    engine = _engine(settings, tenant)
    if engine is None:
        return {}
    known = catalog.collections
    wanted = select(known.c.name, known.c.model).where(known.c.tenant == tenant)
    try:
        with engine.connect() as connection:
            if not engine.dialect.has_table(connection, known.name):
                return {}
            return {row.name: row.model for row in connection.execute(wanted)}
    except DATABASE_PROBLEMS as problem:
        log.warning("The collections cannot be read: %s", getattr(problem, "orig", problem))
        return None
    finally:
        engine.dispose()


def _engine(settings: Settings, tenant: str) -> Engine | None:
    """Return an engine that only reads; None if there is nothing to read."""
    if not is_sqlite(settings.database):
        url: Any = make_url(settings.database).set(drivername="postgresql+psycopg")
        return create_engine(url)
    file = local_documents(settings, tenant) / "catalog.db"
    # Without `mode=ro`, reading would create the file.
    return create_engine(f"sqlite:///file:{file}?mode=ro&uri=true") if file.exists() else None
