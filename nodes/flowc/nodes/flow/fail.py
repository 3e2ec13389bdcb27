"""How does a workflow say that it cannot go on?"""

from typing import ClassVar

from pydantic import Field

from flowc.compiler.node import Context, Node, NodeError


class Fail(Node):
    """End the run as failed, with a message of the author's."""

    type: ClassVar = "fail"
    group: ClassVar = "flow"

    message: str = Field(description="What whoever reads the run is told.")
    code: str = Field(default="failed-on-purpose", description="A word that programs can go by.")

    async def run(self, context: Context) -> None:
        """Fail."""
        raise NodeError(self.code, self.message)
