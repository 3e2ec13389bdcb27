"""Runs and answers name who started and gave them; keys have groups; open questions wait"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("runs", sa.Column("started_by", sa.Text))
    op.add_column("interrupts", sa.Column("answered_by", sa.Text))
    op.add_column("api_keys", sa.Column("groups", sa.Text, nullable=False, server_default="[]"))
    op.execute("update interrupts set status = 'waiting' where status = 'open'")


def downgrade() -> None:
    """Undo."""
    op.execute("update interrupts set status = 'open' where status = 'waiting'")
    op.drop_column("api_keys", "groups")
    op.drop_column("interrupts", "answered_by")
    op.drop_column("runs", "started_by")
