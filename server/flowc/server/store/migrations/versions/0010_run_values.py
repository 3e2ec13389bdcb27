"""Big values of runs, which events, checkpoints and runs refer to"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_REFERENCES = (
    ("events", "refs"),
    ("graph_checkpoints", "refs"),
    ("graph_writes", "refs"),
    ("runs", "input_refs"),
    ("runs", "output_refs"),
)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "run_values",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("hash", sa.String(length=32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "hash"),
    )
    for table, column in _REFERENCES:
        op.add_column(table, sa.Column(column, sa.Text(), nullable=True))


def downgrade() -> None:
    """Undo, except that values that were referred to are lost."""
    for table, column in _REFERENCES:
        op.execute(f"alter table {table} drop column {column}")
    op.drop_table("run_values")
