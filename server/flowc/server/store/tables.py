"""Which tables are there?"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Moment(TypeDecorator[datetime]):
    """A time in UTC, also where the database keeps no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Keep the time in UTC."""
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time with its zone."""
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class Table(DeclarativeBase):
    """What all tables have in common."""

    type_annotation_map = {datetime: Moment, dict[str, Any]: JSON, Any: JSON}  # noqa: RUF012


class DefinitionRow(Table):
    """One definition by its hash; what a run was pinned to stays here."""

    __tablename__ = "definitions"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    document: Mapped[Any]
    created_at: Mapped[datetime]


class WorkflowRow(Table):
    """A workflow under its id."""

    __tablename__ = "workflows"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class VersionRow(Table):
    """One version of a workflow; it never changes."""

    __tablename__ = "versions"
    __table_args__ = (
        ForeignKeyConstraint(["tenant", "workflow_id"], ["workflows.tenant", "workflows.id"]),
        ForeignKeyConstraint(["tenant", "hash"], ["definitions.tenant", "definitions.hash"]),
    )

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    workflow_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    hash: Mapped[str] = mapped_column(String(64))
    document: Mapped[Any]
    created_at: Mapped[datetime]


_UNFINISHED = text("status in ('pending', 'running', 'paused', 'waiting')")


class RunRow(Table):
    """A run, pinned to the definition it began with.

    `uses` are the versions of the stored workflows that it runs, `segment` is the number of the
    stretch of work that it is in, or will be, and `attempt` how often that one was begun. `epoch`
    is raised by whoever takes the run over: what others write then is refused. `events` is the
    number of its last event; `control` is what it has been asked to do at the next occasion.
    `max_runs` is how many runs of its workflow may be at work at once. Of the unfinished runs, one
    at a time has a `deduplication_key`.
    """

    __tablename__ = "runs"
    __table_args__ = (
        Index("runs_by_time", "tenant", "created_at"),
        Index("runs_by_status", "status"),
        Index("runs_by_idempotency_key", "tenant", "idempotency_key", unique=True),
        Index("runs_by_thread", "tenant", "thread_id"),
        Index("runs_by_workflow", "tenant", "workflow_id", "starts_at"),
        Index(
            "runs_by_deduplication_key",
            "tenant",
            "deduplication_key",
            unique=True,
            sqlite_where=_UNFINISHED,
            postgresql_where=_UNFINISHED,
        ),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64))
    workflow_id: Mapped[str | None] = mapped_column(String(128))
    version: Mapped[int | None]
    hash: Mapped[str] = mapped_column(String(64))
    uses: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(String(16))
    input: Mapped[Any]
    output: Mapped[Any]
    error: Mapped[Any]
    usage: Mapped[dict[str, Any]]
    priority: Mapped[int]
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    deduplication_key: Mapped[str | None] = mapped_column(String(255))
    forked_from: Mapped[str | None] = mapped_column(String(36))
    thread_id: Mapped[str | None] = mapped_column(String(128))
    breakpoints: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    max_runs: Mapped[int | None]
    segment: Mapped[int]
    attempt: Mapped[int]
    epoch: Mapped[int]
    events: Mapped[int]
    control: Mapped[str | None] = mapped_column(String(16))
    created_at: Mapped[datetime]
    starts_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class ThreadRow(Table):
    """A conversation; `summary` is what was said up to the message `summed_up`, in short."""

    __tablename__ = "threads"
    __table_args__ = (Index("threads_by_time", "tenant", "updated_at"),)

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    workflow_id: Mapped[str | None] = mapped_column(String(128))
    meta: Mapped[dict[str, Any]]
    messages: Mapped[int]
    summed_up: Mapped[int]
    summary: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class MessageRow(Table):
    """What somebody said in a thread, or a run did."""

    __tablename__ = "messages"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant", "thread_id"], ["threads.tenant", "threads.id"], ondelete="CASCADE"
        ),
    )

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    thread_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    role: Mapped[str] = mapped_column(String(16))
    content: Mapped[Any]
    run_id: Mapped[str | None] = mapped_column(String(36))
    created_at: Mapped[datetime]


class SpendingRow(Table):
    """What the runs of a workflow have spent in some time, and what is set aside for calls."""

    __tablename__ = "spendings"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    workflow_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    period: Mapped[str] = mapped_column(String(16), primary_key=True)
    cost: Mapped[float]
    tokens: Mapped[float]


class RecordingRow(Table):
    """What nodes of a run are given of another one, instead of running."""

    __tablename__ = "recordings"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    recorded: Mapped[Any]


class EventRow(Table):
    """One thing that happened to a run, or to a node of it."""

    __tablename__ = "events"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(32))
    node_id: Mapped[str | None] = mapped_column(String(128))
    path: Mapped[str] = mapped_column(Text)
    data: Mapped[Any]
    at: Mapped[datetime]


class InterruptRow(Table):
    """What a run waits for, or has waited for: a person, a signal, a moment."""

    __tablename__ = "interrupts"
    __table_args__ = (
        Index("interrupts_by_run", "run_id"),
        Index("interrupts_by_signal", "tenant", "signal", "signal_key", "status"),
        Index("interrupts_by_kind", "tenant", "kind", "status"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    tenant: Mapped[str] = mapped_column(String(64))
    node_id: Mapped[str] = mapped_column(String(128))
    path: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16))
    data: Mapped[Any]
    signal: Mapped[str | None] = mapped_column(String(128))
    signal_key: Mapped[str | None] = mapped_column(String(512))
    signal_id: Mapped[str | None] = mapped_column(String(64))
    answer: Mapped[Any]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]


class SignalRow(Table):
    """A signal that was sent; the runs that wait for it take it, each once."""

    __tablename__ = "signals"
    __table_args__ = (Index("signals_by_name", "tenant", "name", "key", "sent_at"),)

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    key: Mapped[str] = mapped_column(String(512))
    data: Mapped[Any]
    sent_at: Mapped[datetime]


class NodeCacheRow(Table):
    """What a node gave, kept until its time is over."""

    __tablename__ = "node_cache"
    __table_args__ = (Index("node_cache_by_expiry", "expires_at"),)

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime]


class WebhookRow(Table):
    """A path under which a workflow is begun from outside; `secret` is the name of one."""

    __tablename__ = "webhooks"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    path: Mapped[str] = mapped_column(String(128), primary_key=True)
    workflow_id: Mapped[str] = mapped_column(String(128))
    secret: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime]


class SubscriptionRow(Table):
    """Who is told when runs end or wait, of one workflow or of all; `secret` is the name of one."""

    __tablename__ = "subscriptions"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    url: Mapped[str] = mapped_column(Text)
    kinds: Mapped[Any]
    workflow_id: Mapped[str | None] = mapped_column(String(128))
    secret: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime]


class DeliveryRow(Table):
    """One message to a subscriber; `problem` is what kept its last attempt from being taken."""

    __tablename__ = "deliveries"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant", "subscription_id"],
            ["subscriptions.tenant", "subscriptions.id"],
            ondelete="CASCADE",
        ),
        Index("deliveries_by_time", "tenant", "subscription_id", "created_at"),
    )

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    subscription_id: Mapped[str] = mapped_column(String(36))
    status: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int]
    payload: Mapped[Any]
    problem: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class DependencyRow(Table):
    """A workflow that is begun when others have completed; `run_id` is the run that has, since.

    `completed_at` is when the newest one did that was taken note of.
    """

    __tablename__ = "dependencies"
    __table_args__ = (Index("dependencies_by_other", "tenant", "depends_on"),)

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    workflow_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    depends_on: Mapped[str] = mapped_column(String(128), primary_key=True)
    input: Mapped[Any]
    run_id: Mapped[str | None] = mapped_column(String(36))
    completed_at: Mapped[datetime | None]


class FileRow(Table):
    """An uploaded file; it is there for others once it `is_whole`."""

    __tablename__ = "files"
    __table_args__ = (Index("files_by_time", "tenant", "created_at"),)

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    media_type: Mapped[str] = mapped_column(String(255))
    size: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str] = mapped_column(String(64))
    is_whole: Mapped[bool]
    created_at: Mapped[datetime]


class FilePartRow(Table):
    """A part of an uploaded file's content."""

    __tablename__ = "file_parts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant", "file_id"], ["files.tenant", "files.id"], ondelete="CASCADE"
        ),
    )

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    file_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    data: Mapped[bytes] = mapped_column(LargeBinary)
