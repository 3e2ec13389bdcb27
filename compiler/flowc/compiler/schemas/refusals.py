"""What is wrong with a schema, or with holding a value against it."""

from flowc.compiler.diagnostics import Pointer

# The code of a run, a node or a request that fails because of TooCostly.
TOO_COSTLY = "validation-too-costly"


class BadSchema(ValueError):
    """The schema is neither JSON Schema nor the short form.

    `path` is the place of what is wrong in the schema, `code` the code of its diagnostic.
    """

    def __init__(
        self,
        sentence: str,
        *,
        code: str = "invalid-value",
        path: Pointer = (),
        hint: str | None = None,
    ) -> None:
        self.code, self.path, self.hint = code, path, hint
        super().__init__(sentence)


class TooCostly(ValueError):
    """To hold the value against its schema takes more steps than are allowed; simplify either."""
