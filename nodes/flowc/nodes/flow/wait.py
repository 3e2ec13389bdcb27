"""The node type `wait`: waits for time to pass, or for signals."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field, model_validator

from flowc.compiler.definition.durations import Delay, Duration
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Context, ItemCondition, Node, NodeError
from flowc.compiler.node.interrupts import Ask
from flowc.nodes.flow.listening import Heard, Listening, SignalFilter, SignalKey, SignalName

_ENDS = ("for", "until", "signal", "any", "all")


class Wait(Node):
    """Wait `for` a duration, `until` a moment, or for signals.

    A wait of less than two seconds takes place within the run, and ends on time. A longer one
    suspends the run: on the server, it takes no memory then and survives restarts, and the time
    spent does not count as its work. A duration of 0 and a moment in the past end the wait at once.

    A `signal` comes from an `emit` node or from the API; its name and `key` must match, for example
    the key of one order, and `where` must hold for it. A signal sent before the wait began also
    counts. `any` and `all` list several signals: the wait ends with the first of them, or when each
    has arrived. With `stop_when`, signals are collected until it holds, such as two of three votes.

    The output has `waited`, in seconds; for a signal, its `signal` name, its `data`, and
    `timed_out`. With `any`, `all` or `stop_when`, these are of the last one, and the output also
    has its `key`, all that were `received`, and the `data` of each as `signals`, by name. If too
    few arrive within `timeout`, the data is `default`; without a `default`, the node fails with the
    code `timeout`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: ClassVar = "wait"
    group: ClassVar = "flow"
    passes_data_on: ClassVar = True
    asks: ClassVar = True
    remembers: ClassVar = True
    formula_names: ClassVar = frozenset({"signal", "key", "data", "received"})

    for_: Delay | None = Field(
        default=None,
        validation_alias="for",
        description="How long to wait: 30s, 5m, 2h, or a number of seconds.",
    )
    until: datetime | None = Field(
        default=None,
        description="Moment to wait for, in ISO 8601; UTC unless it names a time zone.",
    )
    signal: SignalName | None = Field(default=None, description="Name of the signal to wait for.")
    key: SignalKey = Field(
        default="", description="Tells signals of the same name apart; compared as text."
    )
    where: ItemCondition | None = Field(
        default=None,
        description="Accept a signal only if this holds: {{data.amount}} > 100. It reads `data`,"
        " `signal` and `key`.",
    )
    any_: list[SignalFilter | SignalName] | None = Field(
        default=None,
        validation_alias="any",
        min_length=1,
        max_length=100,
        description="Signals, by name or as {signal, key, where}; the first of them is enough.",
    )
    all_: list[SignalFilter | SignalName] | None = Field(
        default=None,
        validation_alias="all",
        min_length=1,
        max_length=100,
        description="Signals that must all arrive, by name, or as {signal, key, where}.",
    )
    stop_when: ItemCondition | None = Field(
        default=None,
        description="Collect signals until this holds: {{received|length >= 2}}. It reads"
        " `received`, and the `data`, `signal` and `key` of the latest one.",
    )
    timeout: Duration | None = Field(
        default=None, description="Longest wait for signals; without it, there is no limit."
    )
    default: Any = Field(
        default=None, description="Data to continue with if too few signals arrive in time."
    )

    @model_validator(mode="after")
    def _one_end(self) -> "Wait":
        ends = (self.for_, self.until, self.signal, self.any_, self.all_)
        if sum(end is not None for end in ends) != 1:
            raise ValueError(f"a wait needs exactly one of {_listed(_ENDS)}")
        given = self.model_fields_set
        if given & {"for_", "until"} and given & {"timeout", "default", "stop_when"}:
            raise ValueError("`timeout`, `default` and `stop_when` need signals to wait for")
        if self.signal is None and given & {"key", "where"}:
            raise ValueError("`key` and `where` belong to a `signal`, also to those in a list")
        if self.all_ is not None and self.stop_when is not None:
            raise ValueError("`stop_when` needs `signal` or `any`: `all` says itself when it ends")
        return self

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of the seconds waited, or of the signals."""
        if "for" in config or "until" in config:
            return {"type": "object", "properties": {"waited": {"type": "number"}}}
        properties: Schema = {
            "signal": {"type": "string"},
            "data": {},
            "timed_out": {"type": "boolean"},
        }
        if {"any", "all", "stop_when"} & config.keys():
            text = {"type": ["string", "null"]}
            many = {"received": {"type": "array"}, "signals": {"type": "object"}}
            properties = {**properties, "signal": text, "key": text, **many}
        return {"type": "object", "properties": properties, "required": list(properties)}

    async def run(self, context: Context) -> dict[str, Any]:
        """Wait, and return the seconds waited, or what arrived."""
        if self.for_ is None and self.until is None:
            return await self._for_signals(context)
        seconds = self.for_ if self.for_ is not None else self._left(context.now())
        if seconds > 0:
            await context.wait_for(Ask("timer", seconds=seconds))
        return {"waited": seconds}

    async def _for_signals(self, context: Context) -> dict[str, Any]:
        rule: Literal["any", "all"] = "any" if self.all_ is None else "all"
        filters = self._filters()
        heard = await Listening(filters, rule, self.stop_when, self.timeout).heard(context)
        if heard.is_late and "default" not in self.model_fields_set:
            names = list(dict.fromkeys(each.signal for each in filters))
            what = f"The signal {names[0]!r}" if len(names) == 1 else "The signals"
            raise NodeError("timeout", f"{what} did not arrive in time.")
        return self._output(heard)

    def _filters(self) -> list[SignalFilter]:
        if self.signal is not None:
            return [SignalFilter(signal=self.signal, key=self.key, where=self.where)]
        listed = self.any_ or self.all_ or []
        return [SignalFilter(signal=each) if isinstance(each, str) else each for each in listed]

    def _output(self, heard: Heard) -> dict[str, Any]:
        nothing = {"signal": self.signal, "key": None, "data": None}
        last = heard.signals[-1] if heard.signals else nothing
        data = self.default if heard.is_late else last["data"]
        output = {"signal": last["signal"], "data": data, "timed_out": heard.is_late}
        if self.signal is not None and self.stop_when is None:
            return output
        by_name = {each["signal"]: each["data"] for each in heard.signals}
        many = {"received": list(heard.signals), "signals": by_name}
        return {**output, "key": last["key"], **many}

    def _left(self, now: datetime) -> float:
        assert self.until is not None  # the validator requires one of them
        moment = self.until if self.until.tzinfo else self.until.replace(tzinfo=UTC)
        try:
            # A day of it is left for rounding.
            _ = moment.astimezone(UTC) + timedelta(days=1)
        except OverflowError:
            message = "The moment is not within the years 1 to 9999 in UTC."
            raise NodeError("no-such-moment", message, field="until") from None
        return max(0.0, (moment - now).total_seconds())


def _listed(words: tuple[str, ...]) -> str:
    return f"{', '.join(f'`{word}`' for word in words[:-1])} and `{words[-1]}`"
