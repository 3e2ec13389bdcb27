"""The node type `emit`: a signal for waiting runs."""

from typing import Any, ClassVar

from pydantic import Field

from flowc.compiler.expressions.values import as_text
from flowc.compiler.node import Context, Node
from flowc.nodes.services.signals import Signals


class Emit(Node):
    """Send a signal to the runs that wait for its name and `key`, now or later.

    Each of these runs gets the signal once, even if this node runs again after a crash. The output
    has the `signal` and its `key`. Outside a server, the node fails with `no-service`.
    """

    type: ClassVar = "emit"
    group: ClassVar = "outside"
    passes_data_on: ClassVar = True

    signal: str = Field(min_length=1, max_length=128, description="Name of the signal.")
    key: str | int | float = Field(
        default="", description="Tells signals of the same name apart, such as the id of an order."
    )
    data: Any = Field(default=None, description="Any JSON; the waiting run gets it as `data`.")

    async def run(self, context: Context) -> dict[str, Any]:
        """Send the signal."""
        key = as_text(self.key)
        await context.service(Signals).send(self.signal, key, self.data, id=context.place)
        return {"signal": self.signal, "key": key}
