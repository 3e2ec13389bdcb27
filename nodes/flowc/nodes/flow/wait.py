"""How does a workflow let time pass, or wait for something to happen elsewhere?"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import ConfigDict, Field, model_validator

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.expressions.values import as_text
from flowc.compiler.node import Context, Node, NodeError
from flowc.compiler.node.interrupts import Ask, wait_here

# Shorter than this, ending the run and taking it up again would take longer.
SHORT = 1.0


class Wait(Node):
    """Wait `for` a time, `until` a moment, or for a `signal`; what has passed is not waited for.

    A signal is sent by `emit`, or over the API: by its name, and by a `key` that tells one order
    from another; it counts if it came before the wait began, too. One that has not come after
    `timeout` makes the node fail, unless there is a `default`. Where runs are kept, one that waits
    is not in memory, and no restart makes it wait longer; elsewhere, time passes in the process.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: ClassVar = "wait"
    group: ClassVar = "flow"
    passes_data_on: ClassVar = True
    asks: ClassVar = True

    for_: Duration | None = Field(default=None, validation_alias="for", description="30s, 5m, 2h.")
    until: datetime | None = Field(
        default=None, description="ISO 8601; in UTC unless it names another zone."
    )
    signal: str | None = Field(default=None, min_length=1, max_length=128)
    key: str | int | float = Field(default="", description="Which of the signals of this name.")
    timeout: Duration | None = Field(default=None, description="For a signal; without, for ever.")
    default: Any = Field(default=None, description="The signal's data when its time is over.")

    @model_validator(mode="after")
    def _one_end(self) -> "Wait":
        if sum(end is not None for end in (self.for_, self.until, self.signal)) != 1:
            raise ValueError("a wait has one of `for`, `until` and `signal`")
        if self.signal is None and {"key", "timeout", "default"} & self.model_fields_set:
            raise ValueError("`key`, `timeout` and `default` are for a `signal`")
        return self

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of `waited`, in seconds; or of the signal's `data`."""
        if config.get("signal") is None:
            return {"type": "object", "properties": {"waited": {"type": "number"}}}
        properties = {"signal": {"type": "string"}, "data": {}, "timed_out": {"type": "boolean"}}
        return {"type": "object", "properties": properties, "required": list(properties)}

    async def run(self, context: Context) -> dict[str, Any]:
        """Wait; the output says for how many seconds, or what the signal brought."""
        if self.signal is not None:
            return await self._for_signal(context, self.signal)
        seconds = self.for_ if self.for_ is not None else self._left(context.now())
        wait = wait_here if seconds < SHORT and self.for_ is not None else context.wait_for
        if seconds > 0:
            await wait(Ask("timer", seconds=seconds))
        return {"waited": seconds}

    async def _for_signal(self, context: Context, signal: str) -> dict[str, Any]:
        ask = Ask("signal", {"signal": signal, "key": as_text(self.key)}, self.timeout)
        answer = await context.wait_for(ask)
        if answer.is_late and "default" not in self.model_fields_set:
            raise NodeError("timeout", f"The signal {signal!r} has not come in time.")
        data = self.default if answer.is_late else answer.value
        return {"signal": signal, "data": data, "timed_out": answer.is_late}

    def _left(self, now: datetime) -> float:
        assert self.until is not None  # one of the three is there
        moment = self.until if self.until.tzinfo else self.until.replace(tzinfo=UTC)
        return max(0.0, (moment - now).total_seconds())
