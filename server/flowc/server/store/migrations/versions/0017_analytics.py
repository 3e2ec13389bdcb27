"""Tallies of runs that ended, and the rollups that analytics read

Runs that ended before are not counted: what they did is in their events, which may be many.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_AMOUNTS = ("calls", "prompt_tokens", "completion_tokens", "total_tokens", "cost")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "tallies",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("data", sa.Text, nullable=False),
    )
    op.create_table(
        "workflow_totals",
        _key("tenant", sa.String(64)),
        _key("width", sa.Integer),
        _key("start", sa.Integer),
        _key("workflow_id", sa.String(128)),
        *_counts("runs", "completed", "failed", "cancelled", "retried"),
        *_numbers(*_AMOUNTS),
        *_durations(),
    )
    op.create_table(
        "node_totals",
        _key("tenant", sa.String(64)),
        _key("start", sa.Integer),
        _key("workflow_id", sa.String(128)),
        _key("node", sa.String(256)),
        *_counts("runs", "failed", "failed_attempts"),
        *_durations(),
    )
    op.create_table(
        "model_totals",
        _key("tenant", sa.String(64)),
        _key("start", sa.Integer),
        _key("workflow_id", sa.String(128)),
        _key("model", sa.String(128)),
        _key("started_by", sa.String(200)),
        *_counts("runs"),
        *_numbers(*_AMOUNTS),
    )


def downgrade() -> None:
    """Undo."""
    for name in ("model_totals", "node_totals", "workflow_totals", "tallies"):
        op.drop_table(name)


def _key(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def _counts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def _numbers(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Float(53), nullable=False) for name in names]


def _durations() -> list[sa.Column[Any]]:
    classes = sa.Column("classes", sa.Text, nullable=False)
    return [*_counts("timed"), *_numbers("total_ms", "longest_ms"), classes]
