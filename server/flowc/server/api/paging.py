"""Pages of lists, as requests ask for them and responses describe them."""

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field

# The largest number of an event, a message, a version or a passage.
MAX_NUMBER = (1 << 31) - 1

PageLimit = Annotated[int, Query(ge=1, le=200, description="Largest number of items to return.")]
PageOffset = Annotated[int, Query(ge=0, le=1_000_000, description="Number of items to skip.")]


class Page(BaseModel):
    """Which part of a list a response holds."""

    total: int = Field(description="Number of items on all pages.")
    limit: int
    offset: int
