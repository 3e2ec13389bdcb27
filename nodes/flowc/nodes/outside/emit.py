"""How does a workflow tell others that something has happened?"""

from typing import Any, ClassVar

from pydantic import Field

from flowc.compiler.expressions.values import as_text
from flowc.compiler.node import Context, Node
from flowc.nodes.services.signals import Signals


class Emit(Node):
    """Send a signal to the runs that wait for it by its name and `key`, or will.

    Each run that waits for it has it once. A node that runs again after a crash does not send it
    twice.
    """

    type: ClassVar = "emit"
    group: ClassVar = "outside"
    passes_data_on: ClassVar = True

    signal: str = Field(min_length=1, max_length=128)
    key: str | int | float = Field(default="", description="Which of the signals of this name.")
    data: Any = None

    async def run(self, context: Context) -> dict[str, Any]:
        """Send the signal."""
        key = as_text(self.key)
        await context.service(Signals).send(self.signal, key, self.data, id=context.place)
        return {"signal": self.signal, "key": key}
