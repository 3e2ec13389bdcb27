"""The tables of collections, documents and cached vectors, the same in SQLite and PostgreSQL.

A document has a version, and each passage belongs to one. The versions in `hidden` are not found by
any search: a draft until it is published, an old version until its passages are deleted. So
publishing replaces a document in one transaction, however many passages it has:

    step                        documents            hidden      found
    a.txt has a version         a.txt -> v1                      passages of v1
    add_drafts: v2              a.txt -> v1          v2          passages of v1
    passages of v2 are stored   a.txt -> v1          v2          passages of v1
    publish: v2                 a.txt -> v2          v1          passages of v2
    passages of v1 are deleted  a.txt -> v2                      passages of v2

Whenever this is interrupted, every row in `hidden` is a version to delete.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

import numpy as np
from sqlalchemy import (
    JSON,
    Column,
    Connection,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    update,
)

from flowc.rag.embedding.vector import Vector
from flowc.rag.stores.document_store import CollectionDiffers, NoSuchCollection
from flowc.rag.stores.records import Collection, FinishedDraft, KnownDocument, StoredDocument

tables = MetaData()

collections = Table(
    "knowledge_collections",
    tables,
    Column("id", Integer, primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("name", String(128), nullable=False),
    Column("model", String(256), nullable=False),
    Column("dimension", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("tenant", "name"),
    # Ids are not used again, so that a new collection never finds remains of a dropped one.
    sqlite_autoincrement=True,
)
documents = Table(
    "knowledge_documents",
    tables,
    Column("collection", Integer, primary_key=True, autoincrement=False),
    Column("source", String(1024), primary_key=True),
    Column("version", String(32), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("origin", String(1024), nullable=False),
    Column("seen", String(64), nullable=False),
    Column("passages", Integer, nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Index("knowledge_documents_by_origin", "collection", "origin"),
)
hidden = Table(
    "knowledge_hidden",
    tables,
    Column("version", String(32), primary_key=True),
    Column("collection", Integer, nullable=False, index=True),
)
vectors = Table(
    "knowledge_vectors",
    tables,
    Column("model", String(256), primary_key=True),
    Column("key", LargeBinary(32), primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)


def create(
    connection: Connection, tenant: str, name: str, model: str, dimension: int
) -> tuple[Row[Any], bool]:
    """Return a collection's row, and whether it is new; raise CollectionDiffers."""
    known = connection.execute(_of_name(tenant, name)).one_or_none()
    if known is not None:
        if (known.model, known.dimension) != (model, dimension):
            raise CollectionDiffers(as_collection(connection, known), model, dimension)
        return known, False
    made = {"tenant": tenant, "name": name, "model": model, "dimension": dimension}
    connection.execute(insert(collections).values(**made, created_at=_now()))
    return connection.execute(_of_name(tenant, name)).one(), True


def get(connection: Connection, tenant: str, name: str) -> Row[Any]:
    """Return a collection's row; raise NoSuchCollection."""
    known = connection.execute(_of_name(tenant, name)).one_or_none()
    if known is None:
        raise NoSuchCollection(name)
    return known


def all_of(connection: Connection, tenant: str) -> list[Collection]:
    """Return a tenant's collections."""
    rows = connection.execute(
        select(collections).where(collections.c.tenant == tenant).order_by(collections.c.name)
    )
    return [as_collection(connection, row) for row in rows.all()]


def as_collection(connection: Connection, row: Row[Any]) -> Collection:
    """Return a collection from its row, with the number of its documents and passages."""
    count = select(func.count(), func.coalesce(func.sum(documents.c.passages), 0))
    found = connection.execute(count.where(documents.c.collection == row.id)).one()
    created = _in_utc(row.created_at)
    return Collection(row.name, row.model, row.dimension, created, found[0], int(found[1]))


def drop(connection: Connection, id: int) -> None:
    """Delete a collection and its documents."""
    for table in (documents, hidden):
        connection.execute(delete(table).where(table.c.collection == id))
    connection.execute(delete(collections).where(collections.c.id == id))


def documents_of(connection: Connection, id: int, after: str, limit: int) -> list[StoredDocument]:
    """Return documents in the order of their sources, those after one source."""
    rows = connection.execute(
        select(documents)
        .where(documents.c.collection == id, documents.c.source > after)
        .order_by(documents.c.source)
        .limit(limit)
    )
    return [
        StoredDocument(
            row.source, row.fingerprint, row.origin, row.passages, row.tokens, row.metadata,
            _in_utc(row.updated_at),
        )
        for row in rows
    ]  # fmt: skip


def known_documents(
    connection: Connection, id: int, sources: Sequence[str]
) -> dict[str, KnownDocument]:
    """Return fingerprint and last visit of those sources that are stored."""
    columns = documents.c.source, documents.c.fingerprint, documents.c.seen
    rows = connection.execute(select(*columns).where(_of_sources(id, sources)))
    return {row.source: KnownDocument(row.fingerprint, row.seen) for row in rows}


def version_of(connection: Connection, id: int, source: str) -> str | None:
    """Return the version of a document that searches find."""
    wanted = select(documents.c.version).where(_of_sources(id, [source]))
    return connection.execute(wanted).scalar()


def add_drafts(connection: Connection, id: int, count: int) -> list[str]:
    """Create drafts; return their versions."""
    versions = [uuid.uuid4().hex for _ in range(count)]
    _hide(connection, id, versions)
    return versions


def publish(connection: Connection, id: int, drafts: Sequence[FinishedDraft]) -> list[str]:
    """Replace documents by their drafts; return the old versions, which are hidden now."""
    old = remove(connection, id, [finished.document.source for finished in drafts])
    connection.execute(delete(hidden).where(hidden.c.version.in_([each.draft for each in drafts])))
    connection.execute(
        insert(documents),
        [
            {
                "collection": id,
                "source": document.source,
                "version": draft,
                "fingerprint": document.fingerprint,
                "origin": document.origin,
                "seen": seen,
                "passages": document.passages,
                "tokens": document.tokens,
                "metadata": document.metadata,
                "updated_at": document.updated_at,
            }
            for draft, document, seen in drafts
        ],
    )
    return old


def remove(connection: Connection, id: int, sources: Sequence[str]) -> list[str]:
    """Delete documents; return their versions, which are hidden now."""
    wanted = select(documents.c.version).where(_of_sources(id, sources))
    versions = list(connection.execute(wanted).scalars())
    _hide(connection, id, versions)
    connection.execute(delete(documents).where(_of_sources(id, sources)))
    return versions


def mark_seen(connection: Connection, id: int, sources: Sequence[str], visit: str) -> None:
    """Mark documents as seen by a visit."""
    connection.execute(update(documents).where(_of_sources(id, sources)).values(seen=visit))


def unseen(connection: Connection, id: int, origin: str, visit: str, limit: int) -> list[str]:
    """Return sources of an origin that were not seen by a visit."""
    wanted = select(documents.c.source).where(
        documents.c.collection == id, documents.c.origin == origin, documents.c.seen != visit
    )
    return list(connection.execute(wanted.order_by(documents.c.source).limit(limit)).scalars())


def hidden_versions(connection: Connection, id: int) -> list[str]:
    """Return the versions that no search may find."""
    wanted = select(hidden.c.version).where(hidden.c.collection == id)
    return list(connection.execute(wanted).scalars())


def forget(connection: Connection, versions: Iterable[str]) -> None:
    """Delete hidden versions whose passages are deleted."""
    connection.execute(delete(hidden).where(hidden.c.version.in_(list(versions))))


def known_vectors(connection: Connection, model: str, keys: Sequence[bytes]) -> dict[bytes, Vector]:
    """Return the vectors that are stored, by the hashes of their texts."""
    wanted = select(vectors.c.key, vectors.c.vector).where(
        vectors.c.model == model, vectors.c.key.in_(keys)
    )
    return {
        bytes(row.key): np.frombuffer(row.vector, np.float32) for row in connection.execute(wanted)
    }


def store_vectors(connection: Connection, model: str, new: Mapping[bytes, Vector]) -> None:
    """Store vectors; those that are stored already stay as they are."""
    # In one order: two transactions with the same rows in different orders could deadlock.
    rows = [
        {"model": model, "key": key, "vector": np.asarray(vector, np.float32).tobytes()}
        for key, vector in sorted(new.items(), key=itemgetter(0))
    ]
    if rows:
        connection.execute(_insert_new(connection), rows)


def _insert_new(connection: Connection) -> Any:
    """Return an insertion that skips rows which another process has inserted."""
    if connection.dialect.name == "sqlite":
        return insert(vectors).prefix_with("OR IGNORE")
    from sqlalchemy.dialects.postgresql import insert as insert_into  # noqa: PLC0415 - only PostgreSQL needs it

    return insert_into(vectors).on_conflict_do_nothing()


def _hide(connection: Connection, id: int, versions: Sequence[str]) -> None:
    rows = [{"version": version, "collection": id} for version in versions]
    if rows:
        connection.execute(insert(hidden), rows)


def _of_name(tenant: str, name: str) -> Any:
    return select(collections).where(collections.c.tenant == tenant, collections.c.name == name)


def _of_sources(id: int, sources: Sequence[str]) -> Any:
    return (documents.c.collection == id) & documents.c.source.in_(sources)


def _now() -> datetime:
    return datetime.now(UTC)


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
