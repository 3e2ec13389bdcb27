"""Batches: what runs did, and the statements with which it is written.

What a run did since its last commit is a *batch*: its events, the checkpoint of its graph, and what
the graph's tasks wrote. A batch is written whole or not at all. It begins with an update of the
run's row that names the epoch of the worker's claim; if the row has another epoch, the run is not
this worker's any more, and nothing of the batch is written, not even a checkpoint.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Executable,
    Table,
    Text,
    bindparam,
    case,
    cast,
    column,
    func,
    insert,
    literal,
    select,
    update,
    values,
)
from sqlalchemy.engine import Dialect

from flowc.compiler.running.events import Event, EventKind
from flowc.server.records.run_events import RunEvent
from flowc.server.records.run_facts import RunFacts
from flowc.server.records.runs import AT_REST, RunRecord
from flowc.server.records.times import now
from flowc.server.store.archives import ArchiveStatements
from flowc.server.store.checkpoints import CheckpointStatements, CheckpointValues
from flowc.server.store.events import EVENTS, event_rows, events_after
from flowc.server.store.prepared import Prepared, PreparedForRows, decoder
from flowc.server.store.runs.announcements import AUDIENCE
from flowc.server.store.runs.creation import creation_of, parted
from flowc.server.store.tables import InterruptRow, RunRow
from flowc.server.store.tallies import TALLY_INSERTION, tally_values
from flowc.server.store.values import Values, ValueStatements

# The PostgreSQL channel on which other processes are notified of runs with new events.
CHANNEL = "flowc_runs"
URGENT = "at once"
# After these, those that wait for the run must look at once, and so must its worker.
_URGENT = {*(EventKind.of_status(status) for status in AT_REST), EventKind.RUN_BREAKPOINTS}
_RUNS: Table = RunRow.metadata.tables["runs"]
_ASKED: Table = InterruptRow.metadata.tables["interrupts"]
# What a node asked that is cancelled can no longer be answered.
_CLOSING = (
    update(_ASKED)
    .where(
        _ASKED.c.run_id == bindparam("run"),
        _ASKED.c.node_id == bindparam("node"),
        _ASKED.c.path == bindparam("at"),
        _ASKED.c.status == "waiting",
    )
    .values(status="closed")
)
# What tells an event of a run from the others before it has a number.
_IDENTITY = ("kind", "path", "node_id", "at")
END_FIELDS = ("status", "output", "error", "usage", "finished_at")
_END_COLUMNS = (*END_FIELDS, "output_refs")
_BACK = (_RUNS.c.id, _RUNS.c.key, _RUNS.c.events, _RUNS.c.control, _RUNS.c.breakpoints)


class WorkerInstructions(NamedTuple):
    """What a worker gets back from each write: whether to pause, and the breakpoints."""

    control: str | None
    breakpoints: Mapping[str, Any] | None


class TakenOver(Exception):
    """Another worker has the run, or it was ended: the epoch of this claim is over."""


class HasAudience(Exception):
    """The end of this run must be announced, which the writer cannot do."""


class TaskWrites(NamedTuple):
    """What a task of a graph wrote; if it is outcomes of nodes, `events` are their completions."""

    encode: Callable[[], Sequence[CheckpointValues]]
    events: Sequence[RunEvent] = ()


@dataclass(slots=True)
class Pending:
    """What a run did since its last commit.

    Checkpoints and writes are encoded when they are written: of a run that ends, none are. It is
    `unsure` whether some of it is committed if an attempt failed: the connection may have been lost
    just after.
    """

    events: list[RunEvent] = field(default_factory=list)
    checkpoints: list[Callable[[], CheckpointValues]] = field(default_factory=list)
    writes: list[TaskWrites] = field(default_factory=list)
    unsure: bool = False

    def split_before(self, event: RunEvent) -> "Pending":
        """Remove an event, all after it, and the outcomes of their nodes; return these.

        What was written at once is not parted: if it has an outcome from before the event and one
        from after it, the split is before both.
        """
        places = {id(each): place for place, each in enumerate(self.events)}
        at, found = len(self.events), places[id(event)]
        spans = [
            (write, [places[id(each)] for each in write.events if id(each) in places])
            for write in self.writes
        ]
        while found < at:
            at = found
            found = min([at, *(min(of) for _, of in spans if of and max(of) >= at)])
        later = Pending(self.events[at:], unsure=self.unsure)
        later.writes = [write for write, of in spans if of and max(of) >= at]
        self.writes = [write for write, of in spans if not of or max(of) < at]
        del self.events[at:]
        return later

    def put_before(self, later: "Pending") -> None:
        """Put all of this, which could not be written, before what was done later."""
        later.unsure = True
        later.events[:0] = self.events
        later.checkpoints[:0] = self.checkpoints
        later.writes[:0] = self.writes


class RunEnd(NamedTuple):
    """The end of a run: its last event, the values of its row, and what is to be counted of it."""

    event: RunEvent
    values: Mapping[str, Any]
    tally: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, run: RunRecord, event: Event) -> "RunEnd":
        """End a run, which has its status, output and error; return its end."""
        run.finished_at = now()
        last = RunEvent.of(event, run.finished_at)
        run.apply(last)
        values = {name: getattr(run, name) for name in END_FIELDS}
        return cls(last, values, run.tallied(run.finished_at))

    @property
    def is_final(self) -> bool:
        """Whether the run can never be continued: a failed one can be retried."""
        return bool(self.values["status"] != "failed")


@dataclass(slots=True)
class Batch:
    """What a run did, with the proof that it is the worker's.

    A `new` run's row is inserted. At the `end` of a run, its row gets the values of the end, and
    the checkpoints of a run that needs none any more are deleted; those of a failed one are
    archived. Big `values` of all these are stored once. `about` is for those that
    count what runs do.
    """

    run_id: str
    tenant: str
    epoch: int
    pending: Pending = field(default_factory=Pending)
    values: Values = field(default_factory=Values)
    new: Mapping[str, Any] | None = None
    end: RunEnd | None = None
    about: RunFacts | None = None

    @property
    def events(self) -> Sequence[RunEvent]:
        """All events of the batch: what is pending, and the end of the run."""
        return self.pending.events if self.end is None else [*self.pending.events, self.end.event]


def is_urgent(events: Sequence[RunEvent]) -> bool:
    """Return whether events end or steer a run, so that others must look at it at once."""
    return any(event.kind in _URGENT for event in events)


class BatchStatements:
    """The statements with which batches are written, for the driver of a database."""

    def __init__(self, dialect: Dialect) -> None:
        update_of = partial(_update, notifies=dialect.name == "postgresql")
        self._append = PreparedForRows(partial(update_of, (), {}), dialect)
        ended = partial(update_of, _END_COLUMNS, {"control": None, "worker": None})
        self._end = PreparedForRows(ended, dialect)
        self._create = Prepared(creation_of(dialect).returning(*_BACK), dialect)
        self._events = Prepared(insert(EVENTS), dialect)
        self._closing = Prepared(_CLOSING, dialect)
        self._tallies = Prepared(TALLY_INSERTION, dialect)
        self._written = Prepared(events_after(*(EVENTS.c[name] for name in _IDENTITY)), dialect)
        self._audience = Prepared(select(literal(1)).where(AUDIENCE), dialect)
        self._checkpoints = CheckpointStatements(dialect)
        self._archives, self._values = ArchiveStatements(dialect), ValueStatements(dialect)
        self._stops = decoder(_RUNS.c.breakpoints.type, dialect)

    def write(
        self, driver: Any, batches: Sequence[Batch], *, is_announced: bool = False
    ) -> list[WorkerInstructions | Exception]:
        """Write batches in a transaction that has begun; return the result of each.

        Unless the caller announces what ends, the end of a run with an audience is not written.
        """
        for batch in batches:
            if batch.pending.unsure:
                self._drop_written(driver, batch)
        heard = set[str]() if is_announced else self._with_audience(driver, batches)
        written = [at for at, b in enumerate(batches) if b.end is None or b.tenant not in heard]
        results: list[WorkerInstructions | Exception] = [HasAudience()] * len(batches)
        kept: list[tuple[Batch, int, int]] = []
        for at, claimed in self._claimed(driver, batches, written).items():
            if claimed is None:
                results[at] = TakenOver(batches[at].run_id)
                continue
            results[at] = WorkerInstructions(claimed.control, self._decoded(claimed.stops))
            kept.append((batches[at], claimed.key, claimed.events))
        self._put(driver, kept)
        return results

    def _drop_written(self, driver: Any, batch: Batch) -> None:
        """Drop what an earlier attempt committed; checkpoints and writes can be written again."""
        written = set(self._written.fetch(driver, {"run": batch.run_id, "after": 0}))
        if batch.end is not None and _identity(batch.end.event) in written:
            # A batch is written whole, so nothing is left of this one.
            batch.pending, batch.end = Pending(unsure=True), None
        left = [event for event in batch.pending.events if _identity(event) not in written]
        batch.pending.events[:] = left
        if written:
            batch.new = None

    def _with_audience(self, driver: Any, batches: Sequence[Batch]) -> set[str]:
        """Return the tenants of runs that end here and may have to be announced."""
        tenants = {batch.tenant for batch in batches if batch.end is not None}
        found = {t: self._audience.execute(driver, {"owner": t}).fetchall() for t in tenants}
        return {tenant for tenant, rows in found.items() if rows}

    def _claimed(
        self, driver: Any, batches: Sequence[Batch], places: Sequence[int]
    ) -> "dict[int, _Claimed | None]":
        """Insert or update the runs' rows of some batches; return what they are now.

        A statement has all that several runs have, in one order everywhere, so that no two
        transactions wait for each other; what a run has twice is in two statements.
        """
        left = sorted(places, key=lambda at: batches[at].run_id)
        claimed: dict[int, _Claimed | None] = {}
        while left:
            first: dict[str, int] = {}
            for at in left:
                first.setdefault(batches[at].run_id, at)
            claimed |= self._claimed_once(driver, {at: batches[at] for at in first.values()})
            left = [at for at in left if at not in claimed]
        return claimed

    def _claimed_once(
        self, driver: Any, batches: Mapping[int, Batch]
    ) -> "dict[int, _Claimed | None]":
        new = [parted(b.new, b.values) for b in batches.values() if b.new is not None]
        old = [batch for batch in batches.values() if batch.new is None]
        found = [row for run in new for row in self._create.execute(driver, run).fetchall()]
        found += self._append.fetch(driver, [_given(b) for b in old if b.end is None])
        found += self._end.fetch(driver, [_given_end(b, b.end) for b in old if b.end is not None])
        claimed = {run_id: _Claimed(*row) for run_id, *row in found}
        return {at: claimed.get(batch.run_id) for at, batch in batches.items()}

    def _decoded(self, stops: Any) -> Any:
        return self._stops(stops) if stops is not None and self._stops is not None else stops

    def _put(self, driver: Any, kept: Sequence[tuple[Batch, int, int]]) -> None:
        """Write what batches have; with each come the key and the last event of its run."""
        events = [
            row
            for batch, key, last in kept
            for row in event_rows(key, last, batch.events, batch.values)
        ]
        self._events.execute_each(driver, events)
        cancelled = [
            {"run": batch.run_id, "node": event.node_id, "at": event.path}
            for batch, _, _ in kept
            for event in batch.events
            if event.kind is EventKind.NODE_CANCELLED
        ]
        self._closing.execute_each(driver, cancelled)
        tallies = [
            tally_values(batch.tenant, batch.end.tally)
            for batch, _, _ in kept
            if batch.end is not None and batch.end.tally is not None
        ]
        self._tallies.execute_each(driver, tallies)
        ends = [batch for batch, _, _ in kept if batch.end is not None]
        ended = [batch.run_id for batch in ends if batch.end and batch.end.is_final]
        failed = [batch.run_id for batch in ends if batch.end and not batch.end.is_final]
        going = [batch.pending for batch, _, _ in kept if batch.run_id not in ended]
        self._checkpoints.put(
            driver,
            [encode() for pending in going for encode in pending.checkpoints],
            [row for pending in going for write in pending.writes for row in write.encode()],
        )
        # Those of the events, of the checkpoints and of the runs' rows.
        for batch, _, _ in kept:
            self._values.put(driver, batch.run_id, batch.values)
        self._checkpoints.clear(driver, ended)
        self._archives.archive(driver, failed)


class _Claimed(NamedTuple):
    """The row of a run that is the worker's: the number of its events, and instructions."""

    key: int
    events: int
    control: str | None
    stops: Any
    notified: str | None = None


def _update(
    names: Sequence[str], same: Mapping[str, Any], size: int, *, notifies: bool
) -> Executable:
    """Return the update of several runs that are their workers', with values of their own.

    In PostgreSQL, it also notifies other processes, at the commit. No other
    process watches a run before it is created.
    """
    likes = {"id": _RUNS.c.id, "epoch": _RUNS.c.epoch, "count": _RUNS.c.events}
    types = {name: like.type for name, like in likes.items()}
    types |= {name: _RUNS.c[name].type for name in names}
    types |= {"notice": Text()} if notifies else {}
    columns = [column(name, type_) for name, type_ in types.items()]
    rows = [tuple(bindparam(f"{c.name}_{at}", type_=c.type) for c in columns) for at in range(size)]
    given = values(*columns, name="given").data(rows).cte("given").c
    notified = [_notified(given.notice)] if notifies else []
    return (
        update(_RUNS)
        .where(_RUNS.c.id == given.id, _RUNS.c.epoch == given.epoch)
        .values(events=_RUNS.c.events + given.count, **same, **{n: given[n] for n in names})
        .returning(*_BACK, *notified)
    )


def _notified(notice: ColumnElement[str]) -> ColumnElement[str | None]:
    return case((notice.is_not(None), cast(func.pg_notify(CHANNEL, notice), Text)))


def _given(batch: Batch) -> dict[str, Any]:
    notice = f"{batch.run_id} {URGENT}" if is_urgent(batch.events) else batch.run_id
    return {
        "id": batch.run_id,
        "epoch": batch.epoch,
        "count": len(batch.events),
        "notice": notice if batch.events else None,
    }


def _given_end(batch: Batch, end: RunEnd) -> dict[str, Any]:
    left, refs = batch.values.part({"output": end.values["output"]})
    return {**_given(batch), **end.values, **left, "output_refs": refs}


def _identity(event: RunEvent) -> tuple[Any, ...]:
    return tuple(getattr(event, name) for name in _IDENTITY)
