"""Webhooks say who sends their messages, and how these are read and answered."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_TEXTS = {"verification": "standard", "input": "body", "response": "accepted"}


def upgrade() -> None:
    """Apply."""
    for name, text in _TEXTS.items():
        column = sa.Column(name, sa.String(length=16), nullable=False, server_default=text)
        op.add_column("webhooks", column)
    op.add_column("webhooks", sa.Column("header", sa.String(length=128), nullable=True))
    methods = sa.Column("methods", sa.JSON(), nullable=False, server_default='["POST"]')
    op.add_column("webhooks", methods)


def downgrade() -> None:
    """Undo; webhooks of other senders are deleted, which an older server would take for its own."""
    op.execute("delete from webhooks where verification <> 'standard'")
    for name in ("methods", "header", *reversed(_TEXTS)):
        op.drop_column("webhooks", name)
