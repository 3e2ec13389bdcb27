"""Events with small rows: the key of their run instead of its id, and times as numbers"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAMES = "kind, node_id, path, data, at"
_NUMBERS = 1 << 32


def upgrade() -> None:
    """Apply."""
    is_sqlite = _is_sqlite()
    op.add_column("runs", sa.Column("key", sa.BigInteger(), nullable=True))
    if is_sqlite:
        op.execute("update runs set key = rowid")
        at = (
            "cast(strftime('%s', substr(e.at, 1, 19)) as integer) * 1000000"
            " + cast(substr(substr(e.at, 21) || '000000', 1, 6) as integer)"
        )
        data = "e.data"
    else:
        op.execute("create sequence run_keys")
        op.execute("update runs set key = nextval('run_keys')")
        op.alter_column("runs", "key", nullable=False)
        data, at = "e.data::text", "round(extract(epoch from e.at) * 1000000)::bigint"
    op.rename_table("events", "old_events")
    op.create_table(
        "events",
        sa.Column("id", _INTEGER, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("node_id", sa.String(length=128), nullable=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="events_by_id"),
    )
    op.execute(
        f"insert into events (id, {_NAMES})"
        f" select r.key * {_NUMBERS} + e.number, e.kind, e.node_id, e.path, {data}, {at}"
        " from old_events e join runs r on r.id = e.run_id order by 1"
    )
    op.drop_table("old_events")


def downgrade() -> None:
    """Undo."""
    op.rename_table("events", "old_events")
    op.create_table(
        "events",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("node_id", sa.String(length=128), nullable=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "number", name="events_pkey"),
        sqlite_with_rowid=False,
    )
    at, data = "timestamptz 'epoch' + e.at * interval '1 microsecond'", "e.data::json"
    if _is_sqlite():
        seconds = "strftime('%Y-%m-%d %H:%M:%S', e.at / 1000000, 'unixepoch')"
        at, data = f"{seconds} || printf('.%06d', e.at % 1000000)", "e.data"
    op.execute(
        f"insert into events (run_id, number, {_NAMES})"
        f" select r.id, e.id % {_NUMBERS}, e.kind, e.node_id, e.path, {data}, {at}"
        f" from old_events e join runs r on r.key = e.id / {_NUMBERS}"
    )
    op.drop_table("old_events")
    op.execute("alter table runs drop column key")
    if not _is_sqlite():
        op.execute("drop sequence run_keys")


def _is_sqlite() -> bool:
    return bool(op.get_bind().dialect.name == "sqlite")
