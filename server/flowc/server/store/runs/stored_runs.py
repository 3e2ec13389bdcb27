"""The stored runs of a tenant, as clients read them."""

import builtins
import copy
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, Text, bindparam, cast, func, literal, or_, select, update
from sqlalchemy.orm import Session

from flowc.compiler.running.events import EventKind
from flowc.server.records.interrupts import InterruptRecord
from flowc.server.records.refused import Refused
from flowc.server.records.run_events import RunEvent
from flowc.server.records.runs import AT_REST, UNFINISHED, RunRecord
from flowc.server.store.database import Database, reading, writing
from flowc.server.store.events import events_of
from flowc.server.store.parts import Listed, ListOrder, ListPart, total_of
from flowc.server.store.tables import (
    IS_UNFINISHED,
    KEY_OWNER,
    InterruptRow,
    RunRow,
    Table,
    WorkflowRow,
)
from flowc.server.store.values import texts_of, whole

_RUNS = Table.metadata.tables["runs"]
_FIND = select(_RUNS).where(_RUNS.c.id == bindparam("run"), _RUNS.c.tenant == bindparam("owner"))


@dataclass(frozen=True)
class WantedRuns:
    """Which runs of a list: those that fit all that is given here.

    `text` is somewhere in the id, the id of the workflow, the input or the error; not in values
    that are stored apart, since they are big.
    """

    workflow_id: str | None = None
    version: int | None = None
    statuses: Collection[str] = ()
    thread_id: str | None = None
    started_by: str | None = None
    forked_from: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""


ALL_RUNS = WantedRuns()


@dataclass(frozen=True)
class WantedInterrupts:
    """Which interrupts: those that fit all that is given here.

    The data of each has one of the `named` texts in each field.
    """

    run_id: str | None = None
    kind: str | None = None
    status: str | None = None
    named: Mapping[str, Collection[str]] = field(default_factory=dict)


ALL_INTERRUPTS = WantedInterrupts()
_ORDER = ListOrder({"created_at": RunRow.created_at}, RunRow.id, "-created_at")


class NoSuchRun(Refused):
    """The run does not exist, or belongs to another tenant."""


class RunKey(NamedTuple):
    """A run that has a key, and which of its keys that is."""

    run_id: str
    kind: str


# The fields of a record that are columns of its row.
RUN_FIELDS = tuple(each.name for each in fields(RunRecord) if each.name in _RUNS.c)
_INTERRUPT_FIELDS = tuple(
    each.name for each in fields(InterruptRecord) if each.name in InterruptRow.__table__.c
)
_INTERRUPTS = (
    select(InterruptRow, RunRow.workflow_id, WorkflowRow.name)
    .outerjoin(RunRow, RunRow.id == InterruptRow.run_id)
    .outerjoin(
        WorkflowRow,
        (WorkflowRow.tenant == RunRow.tenant) & (WorkflowRow.id == RunRow.workflow_id),
    )
)


class StoredRuns:
    """One tenant's runs, read only."""

    def __init__(self, database: Database, tenant: str) -> None:
        self.database, self._tenant = database, tenant

    @reading
    def get(self, session: Session, id: str) -> RunRecord:
        """Return a run with its nodes; raise NoSuchRun."""
        return with_nodes(record_of(session, self._row(session, id)), events_of(session, id))

    @reading
    def get_alone(self, session: Session, id: str) -> RunRecord:
        """Return a run without its nodes; raise NoSuchRun."""
        return record_of(session, self._row(session, id))

    @reading
    def get_at_rest(self, session: Session, id: str) -> RunRecord | None:
        """Return a run if it has ended, waits or is paused, else None; raise NoSuchRun."""
        row = self._row(session, id)
        if row.status not in AT_REST:
            return None
        return with_nodes(record_of(session, row), events_of(session, id))

    @reading
    def status(self, session: Session, id: str) -> str:
        """Return a run's status; raise NoSuchRun."""
        return str(self._row(session, id).status)

    @reading
    def of_keys(
        self,
        session: Session,
        workflow_id: str | None,
        idempotency_key: str | None,
        deduplication_key: str | None = None,
    ) -> RunKey | None:
        """Return a workflow's run with an idempotency key, or an unfinished one with the other."""
        owner = literal(workflow_id or "")
        mine = select(RunRow.id).where(RunRow.tenant == self._tenant, owner == KEY_OWNER).limit(1)
        if idempotency_key is not None:
            found = session.scalar(mine.where(RunRow.idempotency_key == idempotency_key))
            if found is not None:
                return RunKey(found, "idempotency key")
        if deduplication_key is None:
            return None
        same = RunRow.deduplication_key == deduplication_key
        found = session.scalar(mine.where(same, RunRow.status.in_(UNFINISHED)))
        return RunKey(found, "deduplication key") if found is not None else None

    @reading
    def list(
        self, session: Session, part: ListPart, wanted: WantedRuns = ALL_RUNS
    ) -> Listed[RunRecord]:
        """Return runs without their nodes, by default the newest first; raise BadPlace."""
        mine = (RunRow.tenant == self._tenant, *_conditions(wanted))
        found = _ORDER.select(select(RunRow).where(*mine), part)
        rows = session.scalars(found).all()
        items = [record_of(session, row) for row in rows[: part.limit]]
        return Listed(items, total_of(session, part, RunRow, *mine), _ORDER.next(part, rows))

    @reading
    def events(
        self, session: Session, id: str, after: int = 0, limit: int = 1_000
    ) -> builtins.list[RunEvent]:
        """Return a run's events with numbers greater than `after`; raise NoSuchRun."""
        self._row(session, id)
        return events_of(session, id, after, limit)

    @reading
    def interrupts(
        self,
        session: Session,
        wanted: WantedInterrupts = ALL_INTERRUPTS,
        part: tuple[int, int] = (1_000, 0),
        *,
        is_last_first: bool = False,
    ) -> builtins.list[InterruptRecord]:
        """Return interrupts, oldest first.

        The `part` is how many, after how many others. With `is_last_first`, those that were
        answered last come first.
        """
        last = (InterruptRow.answered_at.desc().nulls_last(),) if is_last_first else ()
        found = _INTERRUPTS.where(*self._conditions(wanted))
        found = found.order_by(*last, InterruptRow.created_at, InterruptRow.id)
        rows = session.execute(found.limit(part[0]).offset(part[1]))
        return [interrupt_of(*row) for row in rows]

    @reading
    def count_interrupts(self, session: Session, wanted: WantedInterrupts = ALL_INTERRUPTS) -> int:
        """Return how many interrupts there are."""
        found = select(func.count()).select_from(InterruptRow).where(*self._conditions(wanted))
        return session.scalar(found) or 0

    def _conditions(self, wanted: WantedInterrupts) -> Iterator[Any]:
        yield InterruptRow.tenant == self._tenant
        for column, value in (
            (InterruptRow.run_id, wanted.run_id),
            (InterruptRow.kind, wanted.kind),
            (InterruptRow.status, wanted.status),
        ):
            if value is not None:
                yield column == value
        for name, texts in wanted.named.items():
            yield InterruptRow.data[name].as_string().in_(texts)

    @reading
    def interrupt(self, session: Session, id: str) -> InterruptRecord | None:
        """Return an interrupt."""
        mine = (InterruptRow.tenant == self._tenant) & (InterruptRow.id == id)
        row = session.execute(_INTERRUPTS.where(mine)).first()
        return interrupt_of(*row) if row is not None else None

    @reading
    def last_event(self, session: Session, id: str) -> int:
        """Return the number of a run's last event; raise NoSuchRun."""
        return int(self._row(session, id).events)

    @reading
    def waiting_in(
        self, session: Session, thread_ids: Sequence[str], workflow_id: str
    ) -> str | None:
        """Return the newest waiting run of a workflow in any of these threads."""
        mine = (RunRow.tenant == self._tenant) & RunRow.thread_id.in_(thread_ids)
        waits = (RunRow.status == "waiting") & (RunRow.workflow_id == workflow_id)
        found = select(RunRow.id).where(mine, waits)
        return session.scalar(found.order_by(RunRow.created_at.desc()).limit(1))

    @reading
    def answered_with(self, session: Session, workflow_id: str, key: str) -> InterruptRecord | None:
        """Return the question that a message with an idempotency key answered or withdrew."""
        mine = (InterruptRow.tenant == self._tenant) & (InterruptRow.answer_key == key)
        found = _INTERRUPTS.where(mine, RunRow.workflow_id == workflow_id)
        row = session.execute(found.limit(1)).first()
        return interrupt_of(*row) if row is not None else None

    @writing
    def note_key(self, session: Session, interrupt_id: str, key: str) -> None:
        """Store the idempotency key of a message that withdraws a question."""
        mine = (InterruptRow.tenant == self._tenant) & (InterruptRow.id == interrupt_id)
        session.execute(update(InterruptRow).where(mine).values(answer_key=key))

    @reading
    def answer_event(self, session: Session, asked: InterruptRecord) -> int:
        """Return the number of the event of an answered question's answer."""
        answers = (
            event.number
            for event in events_of(session, asked.run_id)
            if event.kind == EventKind.INTERRUPT_ANSWERED and event.data["id"] == asked.id
        )
        return next(answers)

    @reading
    def question(
        self, session: Session, workflow_id: str, beginning: str
    ) -> InterruptRecord | None:
        """Return the question of a workflow whose id begins like this, if there is one of them."""
        mine = (InterruptRow.tenant == self._tenant) & (InterruptRow.kind == "human")
        # After all hexadecimal digits.
        has_id = (InterruptRow.id >= beginning) & (InterruptRow.id < f"{beginning}g")
        found = _INTERRUPTS.where(mine, has_id, RunRow.workflow_id == workflow_id)
        rows = session.execute(found.limit(2)).all()
        return interrupt_of(*rows[0]) if len(rows) == 1 else None

    @reading
    def unfinished_by_status(self, session: Session) -> dict[str, int]:
        """Return how many runs have not ended, by their status."""
        count = select(RunRow.status, func.count()).group_by(RunRow.status)
        mine = count.where(RunRow.tenant == self._tenant, IS_UNFINISHED)
        return {status: number for status, number in session.execute(mine)}

    @reading
    def unfinished(
        self, session: Session, hash: str, version: tuple[str, int] | None = None
    ) -> Sequence[str]:
        """Return the unfinished runs of a definition by its hash, oldest first.

        The runs of a `version` (a workflow's id and a number) are included even if their hash is
        another one, because the workflows that it uses had other versions when they started.
        """
        pinned = RunRow.hash == hash
        if version is not None:
            of_version = (RunRow.workflow_id == version[0]) & (RunRow.version == version[1])
            pinned = pinned | of_version
        found = session.scalars(
            select(RunRow.id)
            .where(RunRow.tenant == self._tenant, pinned, RunRow.status.in_(UNFINISHED))
            .order_by(RunRow.created_at)
        )
        return found.all()

    def _row(self, session: Session, id: str) -> Row[Any]:
        row = session.execute(_FIND, {"run": id, "owner": self._tenant}).first()
        if row is None:
            raise NoSuchRun
        return row


def _conditions(wanted: WantedRuns) -> Iterator[Any]:
    for column, value in (
        (RunRow.workflow_id, wanted.workflow_id),
        (RunRow.version, wanted.version),
        (RunRow.thread_id, wanted.thread_id),
        (RunRow.started_by, wanted.started_by),
        (RunRow.forked_from, wanted.forked_from),
    ):
        if value is not None:
            yield column == value
    if wanted.statuses:
        yield RunRow.status.in_(wanted.statuses)
    if wanted.since is not None:
        yield RunRow.created_at >= wanted.since
    if wanted.until is not None:
        yield RunRow.created_at < wanted.until
    if wanted.text:
        texts = (RunRow.id, RunRow.workflow_id, cast(RunRow.input, Text), cast(RunRow.error, Text))
        yield or_(*(each.icontains(wanted.text, autoescape=True) for each in texts))


def record_of(session: Session, row: Any) -> RunRecord:
    """Return a run without its nodes."""
    run = RunRecord(**{name: getattr(row, name) for name in RUN_FIELDS})
    if row.input_refs is not None or row.output_refs is not None:
        texts = texts_of(session, run.id, (row.input_refs, row.output_refs))
        # The session must not take what is put into its row for a change of it.
        run.input = whole(copy.deepcopy(run.input), row.input_refs, texts)
        run.output = whole({"output": copy.deepcopy(run.output)}, row.output_refs, texts)["output"]
    return run


def with_nodes(run: RunRecord, events: Sequence[RunEvent]) -> RunRecord:
    """Return a run with its nodes, usage and working time, as they follow from its events."""
    fresh = RunRecord(id=run.id, workflow_id=None, version=None, hash="", input={})
    for event in events:
        fresh.apply(event)
    run.nodes, run.waiting, run.usage = fresh.nodes, fresh.waiting, fresh.usage
    run.worked, run.usage_count, run.tally = fresh.worked, fresh.usage_count, fresh.tally
    run.queued_at, run.changed = fresh.queued_at, fresh.changed
    return run


def interrupt_of(
    row: InterruptRow, workflow_id: str | None = None, name: str | None = None
) -> InterruptRecord:
    """Return an interrupt, of a run of this workflow."""
    fields = {each: getattr(row, each) for each in _INTERRUPT_FIELDS}
    return InterruptRecord(**fields, workflow_id=workflow_id, workflow_name=name)
