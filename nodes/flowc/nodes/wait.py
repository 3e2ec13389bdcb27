"""How does a workflow let time pass?"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import ConfigDict, Field, model_validator

from flowc.compiler.durations import Duration
from flowc.compiler.node import Context, Node
from flowc.compiler.schemas import Schema


class Wait(Node):
    """Wait `for` a time, or `until` a moment; one that has passed is not waited for.

    A run that is taken up again waits for the whole time once more; `until` does not.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: ClassVar = "wait"
    group: ClassVar = "flow"
    passes_data_on: ClassVar = True

    for_: Duration | None = Field(default=None, validation_alias="for", description="30s, 5m, 2h.")
    until: datetime | None = Field(
        default=None, description="ISO 8601; in UTC unless it names another zone."
    )

    @model_validator(mode="after")
    def _one_end(self) -> "Wait":
        if (self.for_ is None) == (self.until is None):
            raise ValueError("a wait has one of `for` and `until`")
        return self

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of `waited`, in seconds."""
        return {"type": "object", "properties": {"waited": {"type": "number"}}}

    async def run(self, context: Context) -> dict[str, float]:
        """Wait; the output says for how many seconds."""
        seconds = self.for_ if self.for_ is not None else self._left()
        await asyncio.sleep(seconds)
        return {"waited": seconds}

    def _left(self) -> float:
        assert self.until is not None  # one of the two is there
        moment = self.until if self.until.tzinfo else self.until.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
