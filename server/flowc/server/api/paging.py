"""Pages of lists, as requests ask for them and responses describe them."""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Query
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from flowc.compiler.diagnostics import did_you_mean
from flowc.server.store.parts import BadPlace, Listed, ListPart, ListPlace

# The largest number of an event, a message, a version or a passage.
MAX_NUMBER = (1 << 31) - 1

PageLimit = Annotated[int, Query(ge=1, le=200, description="Largest number of items to return.")]
PageOffset = Annotated[int, Query(ge=0, le=1_000_000, description="Number of items to skip.")]
PageNumber = Annotated[
    int | None,
    Query(ge=1, le=10_000, description="Number of the page, from 1, instead of `offset`."),
]
PageCursor = Annotated[
    str | None,
    Query(
        max_length=2_000,
        description="The `next_cursor` of the page before, instead of `offset`: nothing is sent"
        " twice or left out if the list changes meanwhile.",
    ),
]
ItemFields = Annotated[
    str | None,
    Query(
        max_length=1_000,
        description="Only these fields of each item, separated by commas, such as `id,name`; the"
        " others are left out, also those that the schema requires.",
    ),
]
SearchText = Annotated[
    str, Query(max_length=200, description="Text to look for; case does not matter.")
]


def first_of(page: int | None, limit: int, offset: int) -> int:
    """Return how many items are before a page, which is named by its number or an offset.

    >>> first_of(3, 10, 0), first_of(None, 10, 7)
    (20, 7)
    """
    return offset if page is None else (page - 1) * limit


class AskedPage(NamedTuple):
    """Which part of a list a request asks for, but for its order."""

    limit: int
    offset: int
    cursor: str | None

    def sorted_by(self, sort: str = "") -> ListPart:
        """Return the part in an order; raise BadPlace."""
        after = _read(self.cursor) if self.cursor is not None else None
        if after is not None and self.offset:
            raise BadPlace("A cursor says where the page begins: give no offset and no page.")
        return ListPart(self.limit, self.offset, sort, after)


# A function that is not async would be called in another thread, at each request.
async def _asked(
    limit: PageLimit = 50,
    offset: PageOffset = 0,
    page: PageNumber = None,
    cursor: PageCursor = None,
) -> AskedPage:
    return AskedPage(limit, first_of(page, limit, offset), cursor)


PageOfList = Annotated[AskedPage, Depends(_asked)]


class Page(BaseModel):
    """Which part of a list a response holds."""

    total: int | None = Field(
        description="Number of items on all pages; null on one that a cursor asked for."
    )
    limit: int
    offset: int
    next_cursor: str | None = Field(
        default=None, description="Asks for the next page; null on the last one."
    )


def page_fields(found: Listed[Any], limit: int, offset: int) -> dict[str, Any]:
    """Return the fields of a page, other than its items."""
    after = _written(found.next) if found.next is not None else None
    return {"total": found.total, "limit": limit, "offset": offset, "next_cursor": after}


def with_fields(page: Page, known: Sequence[str], fields: str | None) -> Any:
    """Return a page, or a response with only some of the `known` fields of its items.

    Raises RequestValidationError if there is no such field.
    """
    if not fields:
        return page
    names = [name.strip() for name in fields.split(",") if name.strip()]
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or f"Fields: {', '.join(known)}."
            message = f"There is no field {name[:60]!r}. {hint}"
            raise RequestValidationError(
                [{"type": "unknown-field", "loc": ("query", "fields"), "msg": message}]
            )
    about = page.model_dump(mode="json", exclude={"items"})
    items = page.model_dump(mode="json", include={"items": {"__all__": set(names)}})
    return JSONResponse({**about, **items})


def _written(place: ListPlace) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _read(cursor: str) -> ListPlace:
    """Return the place of a cursor; raise BadPlace.

    >>> _read(_written(ListPlace("-created_at", "2026-01-05T09:30:00Z", "r1"))).id
    'r1'
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found = json.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, binascii.Error):
        raise BadPlace from None
    if not (isinstance(found, list) and len(found) == len(ListPlace._fields)):
        raise BadPlace
    if not all(isinstance(each, str) for each in found):
        raise BadPlace
    return ListPlace(*found)
