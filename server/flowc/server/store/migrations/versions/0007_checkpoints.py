"""Checkpoints of graphs, and the process that works on a run without the queue"""

import sqlalchemy as sa
from alembic import op

from flowc.server.store.migrations.former_checkpoints import take_over

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_UNFINISHED = "status in ('pending', 'running', 'paused', 'waiting')"
_HAS_KEY, _HAS_THREAD = "idempotency_key is not null", "thread_id is not null"


def upgrade() -> None:
    """Apply."""
    checkpoints = op.create_table(
        "graph_checkpoints",
        sa.Column("thread_id", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Text(), nullable=True),
        sa.Column("encoding", sa.String(length=16), nullable=False),
        sa.Column("checkpoint", sa.LargeBinary(), nullable=False),
        sa.Column("about", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("thread_id", "namespace", "id"),
        sqlite_with_rowid=False,
    )
    writes = op.create_table(
        "graph_writes",
        sa.Column("thread_id", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("checkpoint_id", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("task_path", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("encoding", sa.String(length=16), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("thread_id", "namespace", "checkpoint_id", "task_id", "number"),
        sqlite_with_rowid=False,
    )
    take_over(op.get_bind(), checkpoints, writes)
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("worker", sa.String(length=128), nullable=True))
    op.execute("update runs set worker = 'local', control = null where control = 'direct'")
    for name, columns, condition, is_unique in (
        ("runs_by_status", ["status"], _UNFINISHED, False),
        ("runs_by_idempotency_key", ["tenant", "idempotency_key"], _HAS_KEY, True),
        ("runs_by_thread", ["tenant", "thread_id"], _HAS_THREAD, False),
    ):
        op.drop_index(name, table_name="runs")
        where = sa.text(condition)
        op.create_index(
            name, "runs", columns, unique=is_unique, sqlite_where=where, postgresql_where=where
        )
    if op.get_bind().dialect.name == "sqlite":
        _move_events(with_rowid=False)


def _move_events(with_rowid: bool) -> None:
    """Make the table of events again: without row ids, SQLite stores each event once."""
    op.rename_table("events", "old_events")
    op.create_table(
        "events",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("node_id", sa.String(length=128), nullable=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "number"),
        sqlite_with_rowid=with_rowid,
    )
    names = "run_id, number, kind, node_id, path, data, at"
    op.execute(f"insert into events ({names}) select {names} from old_events")
    op.drop_table("old_events")


def downgrade() -> None:
    """Undo."""
    if op.get_bind().dialect.name == "sqlite":
        _move_events(with_rowid=True)
    for name, columns, is_unique in (
        ("runs_by_status", ["status"], False),
        ("runs_by_idempotency_key", ["tenant", "idempotency_key"], True),
        ("runs_by_thread", ["tenant", "thread_id"], False),
    ):
        op.drop_index(name, table_name="runs")
        op.create_index(name, "runs", columns, unique=is_unique)
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_column("worker")
    op.drop_table("graph_writes")
    op.drop_table("graph_checkpoints")
