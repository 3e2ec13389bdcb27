"""Checkpoints of graphs, and the process that works on a run without the queue"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
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
    op.create_table(
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
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("worker", sa.String(length=128), nullable=True))
    op.execute("update runs set worker = 'local', control = null where control = 'direct'")


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_column("worker")
    op.drop_table("graph_writes")
    op.drop_table("graph_checkpoints")
