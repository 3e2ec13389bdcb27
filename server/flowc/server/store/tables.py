"""The tables of the database."""

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
    TextClause,
    TypeDecorator,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Moment(TypeDecorator[datetime]):
    """A time in UTC, also where the database stores no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store the time in UTC."""
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time with its zone."""
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class Table(DeclarativeBase):
    """The base of all tables."""

    type_annotation_map = {datetime: Moment, dict[str, Any]: JSON, Any: JSON}  # noqa: RUF012


class DefinitionRow(Table):
    """A definition by its hash; it stays as long as a version or a run is pinned to it.

    `created_at` is when it was last stored: retention deletes only those not stored for a day.
    """

    __tablename__ = "definitions"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    document: Mapped[Any]
    created_at: Mapped[datetime]


class WorkflowRow(Table):
    """A workflow; `version` is the active one, and `newest` the last one."""

    __tablename__ = "workflows"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    newest: Mapped[int]
    labels: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class VersionRow(Table):
    """One version of a workflow; what it means never changes.

    `source` is the text that was sent, with its comments, in a `format`; null if there was none.
    """

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
    source: Mapped[str | None] = mapped_column(Text)
    format: Mapped[str | None] = mapped_column(String(8))
    author: Mapped[str | None] = mapped_column(Text)
    message: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]


# Indexes of unfinished runs are small. SQLite uses one only where the query has the same condition.
IS_UNFINISHED = text("status in ('pending', 'running', 'paused', 'waiting')")
_HAS_KEY, _HAS_THREAD = text("idempotency_key is not null"), text("thread_id is not null")
_HAS_START = text("starts_at is not null")
# A key belongs to one workflow. Runs of definitions without one share their keys.
KEY_OWNER = text("coalesce(workflow_id, '')")


def _partial(name: str, *on: str | TextClause, where: TextClause, unique: bool = False) -> Index:
    return Index(name, *on, unique=unique, sqlite_where=where, postgresql_where=where)


class RunRow(Table):
    """A run, pinned to the definition it started with.

    `key` is a short number of its own, which the rows of its events have instead of its id.
    `…_refs` say which big values belong where in the input and the output. `uses` are the versions
    of the stored workflows that it runs. `segment` is the number of its current or next stretch of
    work, and `attempt` how often that one was started. `epoch` is raised when a worker takes the
    run over: writes of other workers are then refused. `events` counts its events; `control` is one
    of `Control`. `worker` is the process that works on it without the queue. `max_runs` is how many
    runs of its workflow may be at work at once. `trace` is W3C's. An `idempotency_key` is unique
    among the runs of a workflow, a `deduplication_key` among the unfinished ones.
    """

    __tablename__ = "runs"
    __table_args__ = (
        Index("runs_by_time", "tenant", "created_at"),
        _partial("runs_by_status", "status", where=IS_UNFINISHED),
        _partial(
            "runs_by_idempotency_key",
            "tenant",
            KEY_OWNER,
            "idempotency_key",
            where=_HAS_KEY,
            unique=True,
        ),
        _partial("runs_by_thread", "tenant", "thread_id", where=_HAS_THREAD),
        Index("runs_by_workflow", "tenant", "workflow_id", "created_at"),
        _partial("runs_by_start", "tenant", "workflow_id", "starts_at", where=_HAS_START),
        _partial(
            "runs_by_deduplication_key",
            "tenant",
            KEY_OWNER,
            "deduplication_key",
            where=IS_UNFINISHED,
            unique=True,
        ),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    key: Mapped[int] = mapped_column(BigInteger)
    tenant: Mapped[str] = mapped_column(String(64))
    workflow_id: Mapped[str | None] = mapped_column(String(128))
    version: Mapped[int | None]
    hash: Mapped[str] = mapped_column(String(64))
    uses: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(String(16))
    input: Mapped[Any]
    input_refs: Mapped[str | None] = mapped_column(Text)
    output: Mapped[Any]
    output_refs: Mapped[str | None] = mapped_column(Text)
    error: Mapped[Any]
    usage: Mapped[dict[str, Any]]
    priority: Mapped[int]
    idempotency_key: Mapped[str | None] = mapped_column(String(300))
    deduplication_key: Mapped[str | None] = mapped_column(String(255))
    forked_from: Mapped[str | None] = mapped_column(String(36))
    started_by: Mapped[str | None] = mapped_column(Text)
    thread_id: Mapped[str | None] = mapped_column(String(128))
    trace: Mapped[str | None] = mapped_column(Text)
    breakpoints: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    max_runs: Mapped[int | None]
    segment: Mapped[int]
    attempt: Mapped[int]
    epoch: Mapped[int]
    events: Mapped[int]
    control: Mapped[str | None] = mapped_column(String(16))
    worker: Mapped[str | None] = mapped_column(String(128))
    created_at: Mapped[datetime]
    starts_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class ThreadRow(Table):
    """A conversation; `summary` sums up the messages up to the number `summed_up`."""

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
    """A message in a thread, from a user or from a run."""

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
    """What the runs of a workflow have spent in a period, with what is reserved for calls."""

    __tablename__ = "spendings"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    workflow_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    period: Mapped[str] = mapped_column(String(16), primary_key=True)
    cost: Mapped[float]
    tokens: Mapped[float]


class RecordingRow(Table):
    """The outputs that nodes of a run reuse from another run, instead of running."""

    __tablename__ = "recordings"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    recorded: Mapped[Any]


class InterruptRow(Table):
    """What a run waits for, or has waited for: a person, a signal, a moment, a breakpoint.

    `answer_key` is the idempotency key of the chat message that answered or withdrew it.
    """

    __tablename__ = "interrupts"
    __table_args__ = (
        Index("interrupts_by_run", "run_id"),
        Index("interrupts_by_signal", "tenant", "signal", "signal_key", "status"),
        Index("interrupts_by_kind", "tenant", "kind", "status"),
        _partial(
            "interrupts_by_answer_key", "tenant", "answer_key", where=text("answer_key is not null")
        ),
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
    answered_by: Mapped[str | None] = mapped_column(Text)
    answer_key: Mapped[str | None] = mapped_column(String(300))


class SignalRow(Table):
    """A signal that was sent; each run that waits for it takes it once."""

    __tablename__ = "signals"
    __table_args__ = (Index("signals_by_name", "tenant", "name", "key", "sent_at"),)

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    key: Mapped[str] = mapped_column(String(512))
    data: Mapped[Any]
    sent_at: Mapped[datetime]


class NodeCacheRow(Table):
    """A cached output of a node, until it expires."""

    __tablename__ = "node_cache"
    __table_args__ = (Index("node_cache_by_expiry", "expires_at"),)

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime]


class WebhookRow(Table):
    """A path at which messages start a workflow; `secret` is the name of the signing secret."""

    __tablename__ = "webhooks"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    path: Mapped[str] = mapped_column(String(128), primary_key=True)
    workflow_id: Mapped[str] = mapped_column(String(128))
    secret: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime]


class SubscriptionRow(Table):
    """A URL notified when runs end or wait, of one workflow or all; `secret` is a secret's name."""

    __tablename__ = "subscriptions"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    url: Mapped[str] = mapped_column(Text)
    kinds: Mapped[Any]
    workflow_id: Mapped[str | None] = mapped_column(String(128))
    secret: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime]


class DeliveryRow(Table):
    """One message to a subscriber; `problem` is why its last attempt failed."""

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
    """A workflow that starts when runs of others have ended; one row for each of those others.

    `run_id` is the other workflow's run that has ended so since the last start, if any, and
    `completed_at` is when the newest such run ended. `input` also has how a run must end, unless
    it must complete.
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
    """An uploaded file; others see it once it `is_whole`."""

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
