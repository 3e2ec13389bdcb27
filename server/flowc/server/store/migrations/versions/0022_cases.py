"""Cases of workflows, and how they ended; the newest runs of a workflow are found at once

The start times of runs are only looked up where they are limited or delayed: few runs have one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "case_lists",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("workflow_id", sa.String(length=128), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("cases", sa.JSON(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "workflow_id"),
    )
    op.create_table(
        "case_results",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("workflow_id", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("ran_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id"),
    )
    columns = ["tenant", "workflow_id", "name", "ran_at"]
    op.create_index("case_results_by_name", "case_results", columns)
    op.drop_index("runs_by_workflow", "runs")
    op.create_index("runs_by_workflow", "runs", ["tenant", "workflow_id", "created_at"])
    has_start = sa.text("starts_at is not null")
    op.create_index(
        "runs_by_start",
        "runs",
        ["tenant", "workflow_id", "starts_at"],
        sqlite_where=has_start,
        postgresql_where=has_start,
    )


def downgrade() -> None:
    """Undo."""
    op.drop_index("runs_by_start", "runs")
    op.drop_index("runs_by_workflow", "runs")
    op.create_index("runs_by_workflow", "runs", ["tenant", "workflow_id", "starts_at"])
    op.drop_table("case_results")
    op.drop_table("case_lists")
