"""How do ways that parted become one again?"""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from flowc.compiler.node import Context, Incoming, Node


class Merge(Node):
    """Give on what came: the one output, or several by the ids of the nodes that gave them."""

    type: ClassVar = "merge"
    group: ClassVar = "flow"
    is_pure: ClassVar = True

    data: Annotated[Any, Incoming(), Field(description="What is given on, any JSON.")] = None

    async def run(self, context: Context) -> Any:
        """Return what came."""
        return self.data
