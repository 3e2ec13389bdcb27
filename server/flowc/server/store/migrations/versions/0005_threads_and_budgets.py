"""Threads and their messages; the spending of workflows"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("thread_id", sa.String(length=128), nullable=True))
        batch_op.create_index("runs_by_thread", ["tenant", "thread_id"])
    op.create_table(
        "threads",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("workflow_id", sa.String(length=128), nullable=True),
        sa.Column("meta", sa.JSON(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("summed_up", sa.Integer(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id"),
    )
    op.create_index("threads_by_time", "threads", ["tenant", "updated_at"])
    op.create_table(
        "messages",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("thread_id", sa.String(length=128), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "thread_id"], ["threads.tenant", "threads.id"], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant", "thread_id", "number"),
    )
    op.create_table(
        "spendings",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("workflow_id", sa.String(length=128), nullable=False),
        sa.Column("period", sa.String(length=16), nullable=False),
        sa.Column("cost", sa.Float(), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "workflow_id", "period"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("spendings")
    op.drop_table("messages")
    op.drop_index("threads_by_time", table_name="threads")
    op.drop_table("threads")
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_index("runs_by_thread")
        batch_op.drop_column("thread_id")
