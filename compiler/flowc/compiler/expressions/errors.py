"""What goes wrong with expressions."""


class ExpressionError(ValueError):
    """The expression cannot be parsed or evaluated; a `hint` says what to write instead."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class MissingValue(ExpressionError):
    """The expression reads a name, field or item that does not exist."""
