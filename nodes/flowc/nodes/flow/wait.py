"""The node type `wait`: waits for time to pass, or for a signal."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from pydantic import ConfigDict, Field, model_validator

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.expressions.values import as_text
from flowc.compiler.node import Context, Node, NodeError
from flowc.compiler.node.interrupts import Ask, wait_here

# In seconds. To suspend the run and resume it would take longer than a shorter wait.
SHORT = 1.0


class Wait(Node):
    """Wait `for` a duration, `until` a moment, or for a `signal`.

    A moment in the past ends the wait at once. A signal comes from an `emit` node
    or from the API; its name and `key` must match, for example the key of one order. A signal sent
    before the wait began also counts.

    The output has `waited`, in seconds; for a signal, its `signal` name, its `data`, and
    `timed_out`. If no signal arrives within `timeout`, the data is `default`; without a `default`,
    the node fails with the code `timeout`. On the server, a waiting run takes no memory and
    survives restarts; the time spent does not count as its work.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: ClassVar = "wait"
    group: ClassVar = "flow"
    passes_data_on: ClassVar = True
    asks: ClassVar = True

    for_: Duration | None = Field(
        default=None,
        validation_alias="for",
        description="How long to wait: 30s, 5m, 2h, or a number of seconds.",
    )
    until: datetime | None = Field(
        default=None,
        description="Moment to wait for, in ISO 8601; UTC unless it names a time zone.",
    )
    signal: str | None = Field(
        default=None, min_length=1, max_length=128, description="Name of the signal to wait for."
    )
    key: str | int | float = Field(
        default="", description="Tells signals of the same name apart; compared as text."
    )
    timeout: Duration | None = Field(
        default=None, description="Longest wait for a signal; without it, there is no limit."
    )
    default: Any = Field(
        default=None, description="Data to continue with if no signal arrives in time."
    )

    @model_validator(mode="after")
    def _one_end(self) -> "Wait":
        if sum(end is not None for end in (self.for_, self.until, self.signal)) != 1:
            raise ValueError("a wait needs exactly one of `for`, `until` and `signal`")
        if self.signal is None and {"key", "timeout", "default"} & self.model_fields_set:
            raise ValueError("`key`, `timeout` and `default` need a `signal`")
        return self

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of the seconds waited, or of the signal."""
        if config.get("signal") is None:
            return {"type": "object", "properties": {"waited": {"type": "number"}}}
        properties = {"signal": {"type": "string"}, "data": {}, "timed_out": {"type": "boolean"}}
        return {"type": "object", "properties": properties, "required": list(properties)}

    async def run(self, context: Context) -> dict[str, Any]:
        """Wait, and return the seconds waited, or the signal's data."""
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
            raise NodeError("timeout", f"The signal {signal!r} did not arrive in time.")
        data = self.default if answer.is_late else answer.value
        return {"signal": signal, "data": data, "timed_out": answer.is_late}

    def _left(self, now: datetime) -> float:
        assert self.until is not None  # the validator requires one of the three
        moment = self.until if self.until.tzinfo else self.until.replace(tzinfo=UTC)
        try:
            # A day of it is left for rounding.
            _ = moment.astimezone(UTC) + timedelta(days=1)
        except OverflowError:
            message = "The moment is not within the years 1 to 9999 in UTC."
            raise NodeError("no-such-moment", message, field="until") from None
        return max(0.0, (moment - now).total_seconds())
