"""Insertions that say what to do about a row that is there: each dialect has its own class."""

from typing import Any

from sqlalchemy import delete, insert, table, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session


def insertion(session: Session, table: Any) -> Any:
    """Return an insertion with `on_conflict_…` in the dialect of a session."""
    return insertion_for(session.get_bind().dialect, table)


def insertion_for(dialect: Dialect, table: Any) -> Any:
    """Return an insertion with `on_conflict_…` for a dialect."""
    return (sqlite if dialect.name == "sqlite" else postgresql).insert(table)


def _make_classes_of_statements() -> None:
    # SQLAlchemy makes a class for each kind of statement of the ORM at its first use, and a second
    # thread can see one that is half made. An import is done by one thread.
    for statement in (insert, update, delete, sqlite.insert, postgresql.insert):
        statement(table("any"))._annotate({})


_make_classes_of_statements()
