"""Parts of lists: which items, in which order, and where the list continues."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from flowc.server.records.refused import Refused
from flowc.server.records.times import as_text
from flowc.server.store.tables import Moment

T = TypeVar("T")
S = TypeVar("S", bound="Select[*tuple[Any, ...]]")


class BadPlace(Refused):
    """The cursor is not one of this list in this order; begin again without it."""


class ListPlace(NamedTuple):
    """Where a list continues: after the item with this value and id, in an order."""

    sort: str
    value: str
    id: str


@dataclass(frozen=True)
class ListPart:
    """A part of a list: `limit` items, after a number of others or `after` a place.

    `sort` is the name of a field, with `-` before it if the greatest is first.
    """

    limit: int
    offset: int = 0
    sort: str = ""
    after: ListPlace | None = None


class Listed(NamedTuple, Generic[T]):
    """A part of a list: how many items there are in all, and where it continues, if it does.

    The number is not counted for a part after a place.
    """

    items: Sequence[T]
    total: int | None
    next: ListPlace | None


def total_of(session: Session, part: ListPart, table: Any, *conditions: Any) -> int | None:
    """Return how many rows of a table there are on all parts; None after a place."""
    if part.after is not None:
        return None
    return session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0


class ListOrder:
    """The fields by which a list can be sorted; its ids break ties."""

    def __init__(self, columns: Mapping[str, Any], id: Any, usual: str) -> None:
        self._columns, self._id, self._usual = columns, id, usual

    def select(self, found: S, part: ListPart) -> S:
        """Return a selection of the part, and of one more item; raise BadPlace."""
        column, is_descending = self._column(part)
        if part.after is not None:
            value = self._value(column, part)
            beyond = column < value if is_descending else column > value
            same = and_(column == value, self._id > part.after.id)
            found = found.where(or_(beyond, same))
        order = column.desc() if is_descending else column
        return found.order_by(order, self._id).offset(part.offset).limit(part.limit + 1)

    def next(self, part: ListPart, rows: Sequence[Any]) -> ListPlace | None:
        """Return where the list continues after a part, from what was selected."""
        if len(rows) <= part.limit:
            return None
        column, _ = self._column(part)
        last = rows[part.limit - 1]
        value = getattr(last, column.key)
        text = as_text(value) if isinstance(value, datetime) else str(value)
        return ListPlace(part.sort or self._usual, text or "", getattr(last, self._id.key))

    def _column(self, part: ListPart) -> tuple[Any, bool]:
        sort = part.sort or self._usual
        return self._columns[sort.removeprefix("-")], sort.startswith("-")

    def _value(self, column: Any, part: ListPart) -> Any:
        assert part.after is not None
        if part.after.sort != (part.sort or self._usual):
            raise BadPlace
        if not isinstance(column.type, Moment):
            return part.after.value
        try:
            return datetime.fromisoformat(part.after.value)
        except ValueError:
            raise BadPlace from None
