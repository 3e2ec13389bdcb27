"""Gives Alembic the connection of the database that is being opened."""

from typing import Any, Literal

from alembic import context

from flowc.server.store.tables import Moment, Table


def _render(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """Write our own column types as the types that the database stores."""
    return "sa.DateTime(timezone=True)" if isinstance(item, Moment) else False


def _migrate() -> None:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=Table.metadata,
        render_as_batch=True,
        render_item=_render,
    )
    context.run_migrations()


_migrate()
