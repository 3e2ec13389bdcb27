"""The node type `merge`: branches become one again."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from flowc.compiler.node import Context, Incoming, Node


class Merge(Node):
    """Pass on what arrived: the output of a single node as it is, several keyed by node id.

    If several nodes lead here, the node runs once each of them has ended or cannot run any more.
    The output is an object with the outputs of those that ran.
    """

    type: ClassVar = "merge"
    group: ClassVar = "flow"
    is_pure: ClassVar = True

    data: Annotated[Any, Incoming(), Field(description="What to pass on; any JSON.")] = None

    async def run(self, context: Context) -> Any:
        """Return what arrived."""
        return self.data
