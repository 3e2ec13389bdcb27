"""What goes wrong with expressions."""

from typing import Any


class ExpressionError(ValueError):
    """The expression cannot be parsed or evaluated; a `hint` says what to write instead.

    `offset` is where in the source the mistake is, if that is known. After an evaluation,
    `expression` is the one that failed, and `part` its part that did, where that is known: an
    Expression and a FailedPart. `meant` is a word at the mistake, and the one that is meant.
    """

    def __init__(self, message: str, hint: str | None = None, offset: int | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.offset = offset
        self.expression: Any = None
        self.part: Any = None
        self.meant: tuple[str, str] | None = None


class MissingValue(ExpressionError):
    """The expression reads a name, field or item that does not exist."""
