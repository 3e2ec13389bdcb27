"""What is written down of collections and documents, in SQLite and PostgreSQL alike?

A version of a document that nobody may find stands in `hidden`: a draft until it is published, and
an old one until all of it is gone.
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
    # A number that was used is not used again: what is left of a collection is not another's.
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
    """Return a collection's row, and whether it was made now; raise CollectionDiffers."""
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
    """Return a row as others know it."""
    count = select(func.count(), func.coalesce(func.sum(documents.c.passages), 0))
    found = connection.execute(count.where(documents.c.collection == row.id)).one()
    created = _in_utc(row.created_at)
    return Collection(row.name, row.model, row.dimension, created, found[0], int(found[1]))


def drop(connection: Connection, id: int) -> None:
    """Forget a collection and its documents."""
    for table in (documents, hidden):
        connection.execute(delete(table).where(table.c.collection == id))
    connection.execute(delete(collections).where(collections.c.id == id))


def documents_of(connection: Connection, id: int, after: str, limit: int) -> list[StoredDocument]:
    """Return documents by their sources."""
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
    """Return what is known of the documents that are there."""
    columns = documents.c.source, documents.c.fingerprint, documents.c.seen
    rows = connection.execute(select(*columns).where(_of_sources(id, sources)))
    return {row.source: KnownDocument(row.fingerprint, row.seen) for row in rows}


def version_of(connection: Connection, id: int, source: str) -> str | None:
    """Return the version of a document that is found."""
    wanted = select(documents.c.version).where(_of_sources(id, [source]))
    return connection.execute(wanted).scalar()


def add_drafts(connection: Connection, id: int, count: int) -> list[str]:
    """Write drafts down; return their ids."""
    versions = [uuid.uuid4().hex for _ in range(count)]
    _hide(connection, id, versions)
    return versions


def publish(connection: Connection, id: int, drafts: Sequence[FinishedDraft]) -> list[str]:
    """Put drafts in their documents' places; return the versions that stood there, now hidden."""
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
    """Take documents away; return their versions, now hidden."""
    wanted = select(documents.c.version).where(_of_sources(id, sources))
    versions = list(connection.execute(wanted).scalars())
    _hide(connection, id, versions)
    connection.execute(delete(documents).where(_of_sources(id, sources)))
    return versions


def mark_seen(connection: Connection, id: int, sources: Sequence[str], visit: str) -> None:
    """Note that a visit has seen documents."""
    connection.execute(update(documents).where(_of_sources(id, sources)).values(seen=visit))


def unseen(connection: Connection, id: int, origin: str, visit: str, limit: int) -> list[str]:
    """Return sources of an origin that a visit has not seen."""
    wanted = select(documents.c.source).where(
        documents.c.collection == id, documents.c.origin == origin, documents.c.seen != visit
    )
    return list(connection.execute(wanted.order_by(documents.c.source).limit(limit)).scalars())


def hidden_versions(connection: Connection, id: int) -> list[str]:
    """Return the versions that nobody may find."""
    wanted = select(hidden.c.version).where(hidden.c.collection == id)
    return list(connection.execute(wanted).scalars())


def forget(connection: Connection, versions: Iterable[str]) -> None:
    """Forget versions of which nothing is left."""
    connection.execute(delete(hidden).where(hidden.c.version.in_(list(versions))))


def known_vectors(connection: Connection, model: str, keys: Sequence[bytes]) -> dict[bytes, Vector]:
    """Return vectors by the hashes of their texts."""
    wanted = select(vectors.c.key, vectors.c.vector).where(
        vectors.c.model == model, vectors.c.key.in_(keys)
    )
    return {
        bytes(row.key): np.frombuffer(row.vector, np.float32) for row in connection.execute(wanted)
    }


def store_vectors(connection: Connection, model: str, kept: Mapping[bytes, Vector]) -> None:
    """Keep vectors; those that are there stay as they are."""
    # In one order, so that of two who keep the same ones, none waits for the other in a circle.
    rows = [
        {"model": model, "key": key, "vector": np.asarray(vector, np.float32).tobytes()}
        for key, vector in sorted(kept.items(), key=itemgetter(0))
    ]
    if rows:
        connection.execute(_insert_new(connection), rows)


def _insert_new(connection: Connection) -> Any:
    """Return an insertion that lets be what another process has kept meanwhile."""
    if connection.dialect.name == "sqlite":
        return insert(vectors).prefix_with("OR IGNORE")
    from sqlalchemy.dialects.postgresql import insert as insert_into  # noqa: PLC0415 - its own

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
