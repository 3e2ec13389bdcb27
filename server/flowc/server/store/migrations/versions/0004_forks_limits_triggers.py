"""Forks and breakpoints; limits on the runs of a workflow; webhooks, subscriptions, dependencies"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _text(name: str, length: int = 128) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("forked_from", sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column("breakpoints", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("max_runs", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("deduplication_key", sa.String(length=255), nullable=True))
        batch_op.create_index("runs_by_workflow", ["tenant", "workflow_id", "starts_at"])
    unfinished = sa.text("status in ('pending', 'running', 'paused', 'waiting')")
    op.create_index(
        "runs_by_deduplication_key",
        "runs",
        ["tenant", "deduplication_key"],
        unique=True,
        sqlite_where=unfinished,
        postgresql_where=unfinished,
    )
    op.create_table(
        "recordings",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("recorded", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.create_table(
        "webhooks",
        _text("tenant", 64),
        sa.Column("path", sa.String(length=128), nullable=False),
        _text("workflow_id"),
        sa.Column("secret", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "path"),
    )
    op.create_table(
        "subscriptions",
        _text("tenant", 64),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("workflow_id", sa.String(length=128), nullable=True),
        sa.Column("secret", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id"),
    )
    op.create_table(
        "deliveries",
        _text("tenant", 64),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("subscription_id", sa.String(length=36), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "subscription_id"],
            ["subscriptions.tenant", "subscriptions.id"],
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "id"),
    )
    op.create_index("deliveries_by_time", "deliveries", ["tenant", "subscription_id", "created_at"])
    op.create_table(
        "dependencies",
        _text("tenant", 64),
        _text("workflow_id"),
        sa.Column("depends_on", sa.String(length=128), nullable=False),
        sa.Column("input", sa.JSON(), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "workflow_id", "depends_on"),
    )
    op.create_index("dependencies_by_other", "dependencies", ["tenant", "depends_on"])


def downgrade() -> None:
    """Take away what was added."""
    for name in ("dependencies", "deliveries", "subscriptions", "webhooks", "recordings"):
        op.drop_table(name)
    op.drop_index("runs_by_deduplication_key", "runs")
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_index("runs_by_workflow")
        for column in ("forked_from", "breakpoints", "starts_at", "max_runs", "deduplication_key"):
            batch_op.drop_column(column)
