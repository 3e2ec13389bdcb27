"""The node type `fail`: ends a run as failed."""

from typing import ClassVar

from pydantic import Field

from flowc.compiler.node import Context, Node, NodeError


class Fail(Node):
    """Fail the run, with a message of the author's.

    As for every node, the option `on_error` can continue the run elsewhere instead.
    """

    type: ClassVar = "fail"
    group: ClassVar = "flow"

    message: str = Field(description="The error message, as readers of the run see it.")
    code: str = Field(
        default="failed-on-purpose", description="The error code, for programs to compare."
    )

    async def run(self, context: Context) -> None:
        """Fail."""
        raise NodeError(self.code, self.message)
