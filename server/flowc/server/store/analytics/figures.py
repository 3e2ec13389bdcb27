"""The figures of a tenant: rollups, and the tallies that are not folded yet, put together."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, func, select, text, tuple_
from sqlalchemy.orm import Session

from flowc.server.records.times import now
from flowc.server.store.analytics.rollups import (
    DAY,
    NODE_TOTALS,
    WORKFLOW_TOTALS,
    Rollup,
    RowKey,
    Sums,
    read_tallies,
    summed,
)
from flowc.server.store.database import Database, reading
from flowc.server.store.tables import RunRow, WorkflowRow
from flowc.server.store.tallies import TALLIES

_SNAPSHOT = text("set transaction isolation level repeatable read")
_FIRST_DAY = date(1970, 1, 1)


class Span(NamedTuple):
    """Whole days in UTC, the first and the last included, of one workflow, of some or of all."""

    first: date
    last: date
    workflow_id: str | None = None
    workflow_ids: Collection[str] | None = None

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    @property
    def starts(self) -> range:
        """The hours since 1970 that it has."""
        return range(hour_of(self.first), hour_of(self.last) + DAY)

    def where(self, rollup: Rollup, tenant: str, width: int) -> list[ColumnElement[bool]]:
        """Return the conditions of the rows of a rollup."""
        rows = rollup.table.c
        found = [rows.tenant == tenant, rows.start.between(self.starts[0], self.starts[-1])]
        if "width" in rows:
            found.append(rows.width == width)
        if self.workflow_id is not None:
            found.append(rows.workflow_id == self.workflow_id)
        if self.workflow_ids is not None:
            found.append(rows.workflow_id.in_(self.workflow_ids))
        return found

    def has(self, row: Mapping[str, Any], width: int) -> bool:
        """Return whether a row with this key is one of them."""
        is_wide = row.get("width", width) == width
        return (
            is_wide
            and row["start"] in self.starts
            and self.workflow_id in {None, row["workflow_id"]}
            and (self.workflow_ids is None or row["workflow_id"] in self.workflow_ids)
        )


class RecentRun(NamedTuple):
    """A run, as it performed."""

    id: str
    workflow_id: str | None
    status: str
    started_by: str | None
    usage: Mapping[str, float]
    error: Mapping[str, Any] | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class WorkflowSummary(NamedTuple):
    """The newest run of a workflow, and the sums of those that ended in some days."""

    last_run: RecentRun | None
    sums: Sums


SummaryByWorkflow = Mapping[str, WorkflowSummary]


class Figures:
    """What runs of a tenant did, summed up over days."""

    def __init__(self, database: Database, tenant: str) -> None:
        self.database, self._tenant = database, tenant

    @reading
    def totals(
        self,
        session: Session,
        rollup: Rollup,
        span: Span,
        by: Sequence[str] = (),
        *,
        width: int = DAY,
        has_percentiles: bool = True,
    ) -> dict[RowKey, Sums]:
        """Return the sums of a span; `by` are the columns that divide them.

        Without percentiles, fewer rows are read.
        """
        _take_snapshot(session)
        found = self._sums(session, rollup, span, by, width)
        if has_percentiles:
            self._add_classes(session, rollup, span, by, found, width=width)
        return found

    @reading
    def slowest_nodes(self, session: Session, span: Span, most: int) -> dict[RowKey, Sums]:
        """Return the nodes with the longest average durations, by workflow and name."""
        _take_snapshot(session)
        by = ("workflow_id", "node")
        found = self._sums(session, NODE_TOTALS, span, by, DAY)
        slowest = sorted(found, key=lambda key: (-(found[key].durations.average_ms or 0), key))
        chosen = {key: found[key] for key in slowest[:most]}
        self._add_classes(session, NODE_TOTALS, span, by, chosen, width=DAY, is_part=True)
        return chosen

    @reading
    def recent_runs(self, session: Session, span: Span, most: int) -> list[RecentRun]:
        """Return the newest runs that were created within a span."""
        begin, end = (_midnight(day) for day in (span.first, span.last + timedelta(days=1)))
        mine = [RunRow.tenant == self._tenant, RunRow.created_at >= begin, RunRow.created_at < end]
        if span.workflow_id is not None:
            mine.append(RunRow.workflow_id == span.workflow_id)
        columns = (getattr(RunRow, name) for name in RecentRun._fields)
        newest = (RunRow.created_at.desc(), RunRow.id)
        found = session.execute(select(*columns).where(*mine).order_by(*newest).limit(most))
        return [RecentRun(*row) for row in found]

    @reading
    def summaries(self, session: Session, ids: Collection[str], days: int) -> SummaryByWorkflow:
        """Return the summaries of workflows over the last days, by id."""
        _take_snapshot(session)
        today = now().date()
        span = Span(today - timedelta(days=days - 1), today, workflow_ids=ids)
        found = self._sums(session, WORKFLOW_TOTALS, span, ("workflow_id",), DAY)
        last = self._last_runs(session, ids)
        return {id: WorkflowSummary(last.get(id), found.get((id,), Sums())) for id in ids}

    def _last_runs(self, session: Session, ids: Collection[str]) -> Mapping[str | None, RecentRun]:
        of_one = (RunRow.tenant == WorkflowRow.tenant) & (RunRow.workflow_id == WorkflowRow.id)
        newest = select(RunRow.id).where(of_one).order_by(RunRow.created_at.desc()).limit(1)
        mine = (WorkflowRow.tenant == self._tenant) & WorkflowRow.id.in_(ids)
        # In two queries: as one, PostgreSQL would read all runs.
        found = session.scalars(select(newest.scalar_subquery()).where(mine)).all()
        columns = (getattr(RunRow, name) for name in RecentRun._fields)
        rows = session.execute(select(*columns).where(RunRow.id.in_([id for id in found if id])))
        return {row.workflow_id: RecentRun(*row) for row in rows}

    def _sums(
        self, session: Session, rollup: Rollup, span: Span, by: Sequence[str], width: int
    ) -> dict[RowKey, Sums]:
        """Return sums by key, without the classes of the rows; those of tallies are there."""
        rows = rollup.table.c
        columns = [func.sum(rows[name]).label(name) for name in rollup.sums]
        if rollup.is_timed:
            columns += [func.sum(rows[name]).label(name) for name in ("timed", "total_ms")]
            columns.append(func.max(rows.longest_ms).label("longest_ms"))
        groups = [rows[name] for name in by]
        chosen = select(*groups, *columns).where(*span.where(rollup, self._tenant, width))
        found = {
            tuple(row[name] for name in by): _read(rollup, row)
            for row in session.execute(chosen.group_by(*groups)).mappings()
        }
        for key, sums in self._unfolded(session, rollup, span, by, width):
            found.setdefault(key, Sums()).add(sums)
        return found

    def _unfolded(
        self, session: Session, rollup: Rollup, span: Span, by: Sequence[str], width: int
    ) -> Iterable[tuple[RowKey, Sums]]:
        columns = (TALLIES.c.tenant, TALLIES.c.data)
        rows = session.execute(select(*columns).where(TALLIES.c.tenant == self._tenant))
        for values, sums in summed(rollup, read_tallies(rows)).items():
            row = dict(zip(rollup.keys, values, strict=True))
            if span.has(row, width):
                yield tuple(row[name] for name in by), sums

    def _add_classes(
        self,
        session: Session,
        rollup: Rollup,
        span: Span,
        by: Sequence[str],
        found: Mapping[RowKey, Sums],
        *,
        width: int,
        is_part: bool = False,
    ) -> None:
        """Add the classes of the rows; if only a part of the keys is wanted, only theirs."""
        if not (rollup.is_timed and found):
            return
        rows = rollup.table.c
        groups = [rows[name] for name in by]
        chosen = select(*groups, rows.classes).where(*span.where(rollup, self._tenant, width))
        if is_part:
            chosen = chosen.where(tuple_(*groups).in_(list(found)))
        for *key, classes in session.execute(chosen):
            found[tuple(key)].durations.add_classes(orjson.loads(classes))


def hour_of(day: date) -> int:
    """Return the hour since 1970 with which a day begins.

    >>> hour_of(date(1970, 1, 2))
    24
    """
    return (day - _FIRST_DAY).days * DAY


def moment_of(hour: int) -> datetime:
    """Return the moment at which an hour since 1970 begins.

    >>> moment_of(24).isoformat()
    '1970-01-02T00:00:00+00:00'
    """
    return datetime.fromtimestamp(hour * 3_600, UTC)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _read(rollup: Rollup, row: Mapping[Any, Any]) -> Sums:
    # PostgreSQL sums up whole numbers as decimals.
    return Sums.read(rollup, {name: _plain(value) for name, value in row.items()})


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, float)) or value is None else float(value)


def _take_snapshot(session: Session) -> None:
    """Let all queries see one state: between two of them, tallies could be folded."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_SNAPSHOT)
