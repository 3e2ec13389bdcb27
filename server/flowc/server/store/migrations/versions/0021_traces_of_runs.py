"""Runs keep the trace that they are part of"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("runs", sa.Column("trace", sa.Text()))


def downgrade() -> None:
    """Undo."""
    op.drop_column("runs", "trace")
