"""Versions keep the text that was sent, by whom and why; an older one can be active"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_COLUMNS = {
    "source": sa.Text(),
    "format": sa.String(8),
    "author": sa.Text(),
    "message": sa.Text(),
}


def upgrade() -> None:
    """Apply."""
    for name, kind in _COLUMNS.items():
        op.add_column("versions", sa.Column(name, kind))
    op.add_column("workflows", sa.Column("newest", sa.Integer))
    op.execute("update workflows set newest = version")
    with op.batch_alter_table("workflows") as workflows:
        workflows.alter_column("newest", nullable=False)


def downgrade() -> None:
    """Undo, with the newest versions active."""
    op.execute("update workflows set version = newest")
    op.drop_column("workflows", "newest")
    for name in _COLUMNS:
        op.drop_column("versions", name)
