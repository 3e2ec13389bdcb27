"""Places in the texts of definitions, and changes of them, as clients see them."""

from pydantic import BaseModel, Field


class PositionBody(BaseModel):
    """A place in a text."""

    line: int = Field(ge=1, description="Counts from 1.")
    column: int = Field(ge=1, description="Counts code points from 1.")


class RangeBody(BaseModel):
    """A part of a text."""

    start: PositionBody
    end: PositionBody = Field(description="The place behind the last character.")


class TextChangeBody(BaseModel):
    """Another text for a part of a text."""

    range: RangeBody
    text: str


class FixBody(BaseModel):
    """Changes of a text, all made at once, after which a diagnostic is not reported any more."""

    title: str
    changes: list[TextChangeBody]
