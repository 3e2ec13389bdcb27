"""A chat message that answers a question may have an idempotency key"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("interrupts", sa.Column("answer_key", sa.String(300)))
    has_key = sa.text("answer_key is not null")
    op.create_index(
        "interrupts_by_answer_key",
        "interrupts",
        ["tenant", "answer_key"],
        sqlite_where=has_key,
        postgresql_where=has_key,
    )


def downgrade() -> None:
    """Undo."""
    op.drop_index("interrupts_by_answer_key", "interrupts")
    op.drop_column("interrupts", "answer_key")
