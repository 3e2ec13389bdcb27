"""The parts of a `try` node: `body`, `catch` and `finally`, each with nodes of its own."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from flowc.compiler.node import BodyField
from flowc.compiler.node.parts import BodyPart


class TryBody(BodyPart):
    """The nodes that are tried."""

    type: ClassVar = "try.body"
    body_field: ClassVar = "body"

    body: BodyField = Field(description="Nodes and edges to try.")


class TryCatch(BodyPart):
    """The nodes that handle a failure."""

    type: ClassVar = "try.catch"
    body_field: ClassVar = "catch"

    catch: BodyField = Field(description="Nodes and edges to run after a failure.")

    @classmethod
    def body_runs(cls, config: Mapping[str, Any]) -> tuple[int, int | None]:
        """Return that it may not run at all."""
        return 0, 1


class TryFinally(BodyPart):
    """The nodes that run at the end."""

    type: ClassVar = "try.finally"
    body_field: ClassVar = "finally"

    finally_: BodyField = Field(
        validation_alias="finally", description="Nodes and edges to run at the end."
    )
