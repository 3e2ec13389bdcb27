"""The events of runs, as rows: how they are written and read.

Most of what a short run stores are its events, so their rows are small. The id of an event is made
of the key of its run and its number: the events of a run follow each other in the table, and no
index is needed beside it.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Integer,
    String,
    Text,
    TypeDecorator,
    bindparam,
    delete,
    select,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Mapped, Session, mapped_column

from flowc.compiler.running.events import EventKind
from flowc.server.records.run_events import RunEvent
from flowc.server.store.compact_json import compact_json
from flowc.server.store.tables import Table
from flowc.server.store.values import LIMIT, Values, texts_of, whole

# The lower bits of an event's id are its number.
_SHIFT = 32
_NUMBERS = 1 << _SHIFT
_MOST = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Microseconds(TypeDecorator[datetime]):
    """A time as a number of microseconds: a third of the space that text needs."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Return the microseconds since 1970."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Return the time in UTC."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class EventRow(Table):
    """One thing that happened to a run, or to a node of it; `data` is JSON.

    `refs` say which big values belong where in it.
    """

    __tablename__ = "events"

    # In SQLite, only an `integer` is the key of the table itself.
    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    kind: Mapped[str] = mapped_column(String(32))
    node_id: Mapped[str | None] = mapped_column(String(128))
    path: Mapped[str] = mapped_column(Text)
    data: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Microseconds)
    refs: Mapped[str | None] = mapped_column(Text)


_RUNS, EVENTS = Table.metadata.tables["runs"], Table.metadata.tables["events"]


def events_after(*columns: Any) -> Any:
    """Return a selection from the events of a `run` with numbers greater than `after`."""
    run = select(_RUNS.c.key * _NUMBERS).where(_RUNS.c.id == bindparam("run")).scalar_subquery()
    after = bindparam("after", type_=BigInteger())
    return select(*columns).where(EVENTS.c.id > run + after, EVENTS.c.id < run + _NUMBERS)


def last_event_of(run: Any) -> Any:
    """Return the id of a run's last event, from the columns of its row."""
    return run.key * _NUMBERS + run.events


_READ = ("id", "kind", "at", "data", "node_id", "path", "refs")
_FOUND = (
    events_after(*(EVENTS.c[name] for name in _READ))
    .order_by(EVENTS.c.id)
    .limit(bindparam("most", type_=Integer()))
)


def events_of(session: Session, id: str, after: int = 0, limit: int = _MOST) -> list[RunEvent]:
    """Return a run's events with numbers greater than `after`."""
    rows: Any = session.execute(_FOUND, {"run": id, "after": after, "most": limit}).all()
    texts = texts_of(session, id, (row.refs for row in rows))
    return [
        RunEvent(
            number % _NUMBERS,
            EventKind(kind),
            at,
            whole(json.loads(data), refs, texts),
            node_id,
            path,
        )
        for number, kind, at, data, node_id, path, refs in rows
    ]


def event_rows(
    run_key: int, last: int, events: Sequence[RunEvent], values: Values | None = None
) -> list[dict[str, Any]]:
    """Return the rows of events, numbered so that the last one has the number `last`.

    If `values` are given, big ones are left out, and become theirs.
    """
    first = run_key * _NUMBERS + last - len(events) + 1
    return [
        {
            "id": first + place,
            "kind": event.kind,
            "node_id": event.node_id,
            "path": event.path,
            "at": event.at,
            **_data(event, values),
        }
        for place, event in enumerate(events)
    ]


def _data(event: RunEvent, values: Values | None) -> dict[str, str | None]:
    text, refs = compact_json(event.data), None
    if len(text) > LIMIT and values is not None:
        data, refs = values.part(event.data)
        text = text if refs is None else compact_json(data)
    return {"data": text, "refs": refs}


def delete_events(session: Session, run_keys: Sequence[int]) -> None:
    """Delete the events of runs, within a transaction."""
    for key in run_keys:
        first = key * _NUMBERS
        session.execute(delete(EVENTS).where(EVENTS.c.id.between(first, first + _NUMBERS - 1)))
