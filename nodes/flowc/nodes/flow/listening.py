"""Waits for one or several signals, and says when enough of them have arrived."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from flowc.compiler.expressions import evaluated
from flowc.compiler.expressions.values import as_text
from flowc.compiler.node import Context, Formula, ItemCondition, NodeError
from flowc.compiler.node.interrupts import Answer, Ask, Interrupt, Interrupted, NoOneToAsk

# More signals of one name and key than this end a wait.
MOST_SIGNALS = 1_000
_LONG_AGO = datetime.min.replace(tzinfo=UTC)

SignalKey = str | int | float
SignalName = Annotated[str, Field(min_length=1, max_length=128)]


class SignalFilter(BaseModel):
    """Signals that a wait accepts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    signal: SignalName = Field(description="Name of the signal.")
    key: SignalKey = Field(
        default="", description="Tells signals of the same name apart; compared as text."
    )
    where: ItemCondition | None = Field(
        default=None,
        description="Accept a signal only if this holds; reads `data`, `signal` and `key`.",
    )


@dataclass(frozen=True)
class Heard:
    """What has arrived: the accepted signals in their order, or that the time is over."""

    signals: tuple[Mapping[str, Any], ...]
    is_late: bool = False


@dataclass
class Listening:
    """A wait for signals that match `filters`, for `any` or `all` of them.

    With `stop_when`, accepted signals are collected until it holds; it reads `received`, and the
    `data`, `signal` and `key` of the latest one. `timeout` is the longest time, in seconds.
    """

    filters: Sequence[SignalFilter]
    rule: Literal["any", "all"] = "any"
    stop_when: Formula | None = None
    timeout: float | None = None
    _answers: list[tuple[datetime, int, dict[str, Any]]] = field(default_factory=list)
    _pending: list[Interrupt] = field(default_factory=list)
    _stopped: Interrupted | None = None
    _problems: list[NoOneToAsk] = field(default_factory=list)
    _is_late: bool = False

    async def heard(self, context: Context) -> Heard:
        """Return what has arrived once it is enough; otherwise raise Interrupted."""
        began = await self._began(context)
        names = dict.fromkeys((each.signal, as_text(each.key)) for each in self.filters)
        asking = list(enumerate(names))
        for turn in range(MOST_SIGNALS):
            # Each signal is asked for once more when it has arrived, and was not enough.
            arrived = [each for each in asking if await self._ask(context, *each, turn, began)]
            asking = [each for each in arrived if await self._wants_more(each[1])]
            # All that are stored are looked at in the order of their arrival.
            if asking and self._is_ordered:
                continue
            enough = await self._enough()
            if enough is not None:
                return Heard(enough)
            if not asking:
                return await self._rest()
        raise NodeError("too-many-signals", f"{MOST_SIGNALS:,} signals came, and were not enough.")

    async def _began(self, context: Context) -> datetime | None:
        """Return when the wait began, if the time that is left has to be known later."""
        is_repeated = self.stop_when is not None or any(each.where for each in self.filters)
        if self.timeout is None or not is_repeated:
            return None

        async def now() -> str:
            return context.now().isoformat()

        return datetime.fromisoformat(await context.once("began", now))

    async def _ask(
        self, context: Context, index: int, name: tuple[str, str], turn: int, began: datetime | None
    ) -> bool:
        """Ask for a signal; return whether it has arrived."""
        signal, key = name
        left = self.timeout
        if left is not None and began is not None and turn:
            left = max(0.001, left - (context.now() - began).total_seconds())
        # The first one is numbered: a run that waits since an older version has it by number.
        ask = Ask("signal", {"signal": signal, "key": key}, left, f"{index}.{turn}")
        try:
            answer = await context.wait_for(ask if index or turn else ask._replace(turn=None))
        except Interrupted as stopped:
            self._stopped = self._stopped or stopped
            self._pending += stopped.interrupts
            return False
        except NoOneToAsk as problem:
            self._problems.append(problem)
            return False
        return self._take(answer, signal, key)

    async def _wants_more(self, name: tuple[str, str]) -> bool:
        """Return whether one more signal of this name and key could be accepted."""
        if self.stop_when is not None:
            return True
        signals = [signal for _, _, signal in self._answers]
        own = [each for each in self.filters if (each.signal, as_text(each.key)) == name]
        return not all([await _accepts_any([each], signals) for each in own])

    @property
    def _is_ordered(self) -> bool:
        return all(moment != _LONG_AGO for moment, _, _ in self._answers)

    def _take(self, answer: Answer, signal: str, key: str) -> bool:
        self._is_late |= answer.is_late
        if not answer.is_late:
            heard = {"signal": signal, "key": key, "data": answer.value}
            moment = answer.moment or _LONG_AGO
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            self._answers.append((moment, len(self._answers), heard))
        return not answer.is_late

    async def _enough(self) -> tuple[Mapping[str, Any], ...] | None:
        """Return the fewest signals, in the order of their arrival, that end the wait."""
        accepted: list[Mapping[str, Any]] = []
        open = set(range(len(self.filters)))
        for _, _, signal in sorted(self._answers, key=lambda each: each[:2]):
            matching = {n for n, each in enumerate(self.filters) if await _accepts(each, signal)}
            if not matching:
                continue
            accepted.append(signal)
            open -= matching
            if await self._is_over(accepted, is_complete=not open):
                return tuple(accepted)
        return None

    async def _is_over(self, accepted: list[Mapping[str, Any]], *, is_complete: bool) -> bool:
        if self.stop_when is not None:
            names = {**accepted[-1], "received": list(accepted)}
            return bool(await evaluated(partial(self.stop_when, **names)))
        return is_complete or self.rule == "any"

    async def _rest(self) -> Heard:
        """Wait for what is missing; return what there is if the time is over."""
        if self._is_late:
            signals = [signal for _, _, signal in sorted(self._answers, key=lambda each: each[:2])]
            accepted = [each for each in signals if await _accepts_any(self.filters, [each])]
            return Heard(tuple(accepted), is_late=True)
        if self._stopped is not None:
            # An exported graph is stopped by the cause, which is LangGraph's own.
            raise Interrupted(*self._pending) from self._stopped.__cause__
        raise self._problems[0]


async def _accepts_any(
    filters: Sequence[SignalFilter], signals: Sequence[Mapping[str, Any]]
) -> bool:
    for filter in filters:
        for signal in signals:
            if await _accepts(filter, signal):
                return True
    return False


async def _accepts(filter: SignalFilter, signal: Mapping[str, Any]) -> bool:
    if (filter.signal, as_text(filter.key)) != (signal["signal"], signal["key"]):
        return False
    if filter.where is None:
        return True
    return bool(await evaluated(partial(filter.where, **signal)))
