"""Parts: the bodies of a node that has several, such as `body`, `catch` and `finally` of a `try`.

The parts of a node are the nodes of its body. They are not written by the author, and no edge joins
them: the node runs one after the other, as it needs them.

    safe (try)
      _body (try.body)        nodes of `body`
      _catch (try.catch)      nodes of `catch`
      _finally (try.finally)  nodes of `finally`
"""

from collections.abc import Mapping
from typing import ClassVar

from flowc.compiler.node.context import Context
from flowc.compiler.node.node_type import Node
from flowc.compiler.node.outcome import Json, Outcome


class BodyPart(Node):
    """Run the nodes of a part; the output is theirs."""

    group: ClassVar = "flow"
    is_part: ClassVar = True

    @classmethod
    def fails_with_body(cls, config: Mapping[str, Json]) -> bool:
        """Return true."""
        return True

    async def run(self, context: Context) -> Outcome:
        """Run the nodes; each attempt runs all of them."""
        result = await context.run_body(str(context.attempt - 1), {}, {})
        return Outcome(result.output, variables=result.variables)


def part_id(field: str) -> str:
    """Return the id of the part in a field; no author can write such a one.

    >>> part_id("catch")
    '_catch'
    """
    return f"_{field}"
