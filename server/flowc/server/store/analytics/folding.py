"""Folding: tallies become rollups, a few in each transaction, in one process at a time."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.orm import Session

from flowc.server.store.analytics.rollups import ROLLUPS, Rollup, RowKey, Sums, read_tallies, summed
from flowc.server.store.database import Database, reading, writing
from flowc.server.store.insertions import insertion
from flowc.server.store.tallies import TALLIES

# As many tallies are folded in one transaction: others write between two of them.
MOST_TALLIES = 200
# As many rows are looked up at a time.
_ROWS = 100
_FOLDING = zlib.crc32(b"flowc analytics")


class Rollups:
    """Folds the tallies of all tenants into rollups, and deletes old rollups."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @reading
    def is_due(self, session: Session) -> bool:
        """Return whether there is a tally."""
        return session.scalar(select(TALLIES.c.id).limit(1)) is not None

    @writing
    def fold(self, session: Session) -> int:
        """Fold the oldest tallies; return how many. If another process does it, none are."""
        if not _is_alone(session):
            return 0
        columns = (TALLIES.c.id, TALLIES.c.tenant, TALLIES.c.data)
        found = session.execute(select(*columns).order_by(TALLIES.c.id).limit(MOST_TALLIES)).all()
        tallies = read_tallies((tenant, data) for _, tenant, data in found)
        for rollup in ROLLUPS:
            add_sums(session, rollup, summed(rollup, tallies))
        # By their ids: one with a lower id may be committed later.
        session.execute(delete(TALLIES).where(TALLIES.c.id.in_([id for id, _, _ in found])))
        return len(found)

    @writing
    def forget_before(self, session: Session, hour: int) -> None:
        """Delete the rollups of days, and of hours, that began before an hour since 1970."""
        for rollup in ROLLUPS:
            session.execute(delete(rollup.table).where(rollup.table.c.start < hour))


def add_sums(session: Session, rollup: Rollup, sums: Mapping[RowKey, Sums]) -> None:
    """Add sums to the rows of a rollup, within the only transaction that does."""
    if not sums:
        return
    rows = list(_rows(session, rollup, sums))
    insert = insertion(session, rollup.table)
    others = {c.name: insert.excluded[c.name] for c in rollup.table.c if not c.primary_key}
    statement = insert.on_conflict_do_update(index_elements=list(rollup.keys), set_=others)
    session.execute(statement, rows)


def _rows(
    session: Session, rollup: Rollup, sums: Mapping[RowKey, Sums]
) -> Iterator[dict[str, Any]]:
    """Yield the rows as they are with the sums added, in the order of their keys."""
    ordered = sorted(sums)
    for first in range(0, len(ordered), _ROWS):
        keys = ordered[first : first + _ROWS]
        known = _known(session, rollup, keys)
        for key in keys:
            total = known.get(key, Sums())
            total.add(sums[key])
            yield {**dict(zip(rollup.keys, key, strict=True)), **total.written(rollup)}


def _known(session: Session, rollup: Rollup, keys: Sequence[RowKey]) -> dict[RowKey, Sums]:
    of_key = tuple_(*(rollup.table.c[name] for name in rollup.keys))
    found = session.execute(select(rollup.table).where(of_key.in_(keys))).mappings()
    return {tuple(row[name] for name in rollup.keys): Sums.read(rollup, {**row}) for row in found}


def _is_alone(session: Session) -> bool:
    if session.get_bind().dialect.name == "sqlite":
        # It has one writer at a time.
        return True
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(_FOLDING))))
