"""Idempotency and deduplication keys are those of one workflow, and clients' keys have a prefix"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_WORKFLOW = "coalesce(workflow_id, '')"
_KEYS = {
    "idempotency_key": "idempotency_key is not null",
    "deduplication_key": "status in ('pending', 'running', 'paused', 'waiting')",
}
_OWN = ("webhook ", "schedule ", "dependencies ", "client ", "ingest ")


def upgrade() -> None:
    """Apply."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("alter table runs alter column idempotency_key type varchar(300)")
    _index(_WORKFLOW)
    is_own = " or ".join(f"idempotency_key like '{prefix}%'" for prefix in _OWN)
    op.execute(
        "update runs set idempotency_key = 'client ' || idempotency_key"
        f" where idempotency_key is not null and not ({is_own})"
    )


def downgrade() -> None:
    """Undo, except that a key which several workflows used stays with one run."""
    for column, condition in _KEYS.items():
        op.execute(
            f"update runs set {column} = null where {condition} and id not in"
            f" (select min(id) from runs where {condition} group by tenant, {column})"
        )
    op.execute(
        "update runs set idempotency_key = substr(idempotency_key, 8)"
        " where idempotency_key like 'client %'"
    )
    _index()
    if op.get_bind().dialect.name == "postgresql":
        op.execute("alter table runs alter column idempotency_key type varchar(255)")


def _index(*more: str) -> None:
    """Make the unique indexes of the keys again, with more columns between tenant and key."""
    for column, condition in _KEYS.items():
        name, where = f"runs_by_{column}", sa.text(condition)
        op.drop_index(name, table_name="runs")
        columns: list[str | sa.TextClause] = ["tenant", *map(sa.text, more), column]
        op.create_index(
            name, "runs", columns, unique=True, sqlite_where=where, postgresql_where=where
        )
