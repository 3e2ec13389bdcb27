"""The node type `map`: runs its body for each item of a list, several at once."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Literal

from pydantic import Field

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.expressions import ExpressionError, evaluated
from flowc.compiler.node import (
    BodyField,
    BodyResult,
    Context,
    Formula,
    ItemCondition,
    ItemExpression,
    Node,
    NodeError,
    Outcome,
)
from flowc.compiler.node.interrupts import Ask, Interrupt, Interrupted

IndexedItem = tuple[int, Any]


class Map(Node):
    """Run the body for each item of `items`, up to `max_parallel` items at once.

    The body reads `item` and `index` (from 0). The output has the `results` in the order of the
    items, and the `errors` of failed items, each with its `index`, `code` and `message`. Variables
    that the body sets can be read by the nodes after the map; if several items set the same one,
    the value of the last item is used.

    An item that waits, for a person or a moment, counts among those of `max_parallel`: with
    `max_parallel: 1`, items are worked on one after the other, waits included. Where `max_parallel`
    is left out, an item that waits does not hold up the others.
    """

    type: ClassVar = "map"
    group: ClassVar = "flow"
    body_field: ClassVar = "body"
    body_names: ClassVar = frozenset({"item", "index"})
    formula_names: ClassVar = frozenset({"result", "item", "index"})
    remembers: ClassVar = True

    items: list[Any] = Field(description="The list to work on.")
    body: BodyField = Field(description="Nodes and edges to run for each item.")
    max_parallel: int = Field(
        default=10, ge=1, le=1_000, description="Most items to work on at the same time."
    )
    batch_size: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="Work in batches of this many items: the next one begins when all items of the"
        " one before have finished.",
    )
    interval: Duration | None = Field(
        default=None,
        description="Pause between two batches; without `batch_size`, a batch has `max_parallel`"
        " items if that is set, and otherwise one.",
    )
    select: ItemExpression | None = Field(
        default=None,
        description="What an item's result is: {{score.output.points}}. It reads the nodes of the"
        " body, `result`, `item` and `index`; default: the output of the body's last node.",
    )
    on_error: Literal["fail", "skip", "collect"] = Field(
        default="fail",
        description="If an item fails: `fail` the node, `skip` the item, or `collect` its error"
        " and use null as its result.",
    )
    stop_when: ItemCondition | None = Field(
        default=None,
        description="Start no further items once this holds; reads `result`, `item`, `index`.",
    )

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of the results and the errors."""
        properties = {"results": {"type": "array"}, "errors": {"type": "array"}}
        return {"type": "object", "properties": properties, "required": list(properties)}

    @classmethod
    def fails_with_body(cls, config: Mapping[str, Any]) -> bool:
        """Return whether a failed item fails the node."""
        return bool(config.get("on_error", "fail") == "fail")

    @classmethod
    def may_ask(cls, config: Mapping[str, Any]) -> bool:
        """Return whether the map pauses between batches."""
        return config.get("interval") is not None

    @classmethod
    def body_runs(cls, config: Mapping[str, Any]) -> tuple[int, int | None]:
        """Return the number of items, if the configuration lists them."""
        items = config.get("items")
        if not isinstance(items, list):
            return 0, None
        return (0 if config.get("stop_when") else len(items)), len(items)

    async def run(self, context: Context) -> Outcome:
        """Run the body for the items, and return the results."""
        work = _Mapping(self, context)
        for number, batch in enumerate(self._batches()):
            if number and self.interval is not None:
                await _pause(context, number, self.interval)
            await work.take_all(batch)
            if work.failure is not None:
                raise work.failure
            if work.interrupts:
                raise Interrupted(*work.interrupts)
            if work.is_over:
                break
        return work.outcome()

    def _batches(self) -> Iterator[list[IndexedItem]]:
        items = list(enumerate(self.items))
        size = self.batch_size or len(items)
        if self.batch_size is None and self.interval is not None:
            size = self.max_parallel if self.holds_places else 1
        for begin in range(0, len(items), size or 1):
            yield items[begin : begin + size]

    @property
    def holds_places(self) -> bool:
        """Whether an item that waits counts among those of `max_parallel`."""
        return "max_parallel" in self.model_fields_set


async def _pause(context: Context, number: int, seconds: float) -> None:
    """Wait before a batch; a pause that is over is in the journal, and not made again."""

    async def wait() -> None:
        await context.wait_for(Ask("timer", seconds=seconds, turn=f"pause {number}"))

    await context.once(f"pause {number}", wait)


@dataclass
class _Mapping:
    """The state of a running map: the results and the errors so far."""

    node: Map
    context: Context
    done: dict[int, Any] = field(default_factory=dict)
    variables: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    errors: dict[int, NodeError] = field(default_factory=dict)
    failure: NodeError | ExpressionError | None = None
    interrupts: list[Interrupt] = field(default_factory=list)
    is_over: bool = False

    async def take_all(self, items: Sequence[IndexedItem]) -> None:
        """Work on these items, as many at once as may be."""
        left = iter(items)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.node.max_parallel, len(items))):
                group.create_task(self._take_from(left))

    async def _take_from(self, left: Iterator[IndexedItem]) -> None:
        """Work on items one after the other, until none are left."""
        for index, item in left:
            if self.is_over:
                return
            is_waiting = await self._take(index, item)
            if is_waiting and self.node.holds_places:
                return

    async def _take(self, index: int, item: Any) -> bool:
        """Work on one item; return whether it waits."""
        names = {"item": item, "index": index}
        try:
            result = await self.context.run_body(str(index), names, {})
            self.done[index] = await self._selected(result, names)
            self.variables[index] = result.variables
        except NodeError as problem:
            self.errors[index] = problem
            if self.node.on_error == "fail":
                self.failure, self.is_over = self.failure or problem, True
        except ExpressionError as problem:
            self.failure, self.is_over = self.failure or problem, True
        except Interrupted as stopped:
            # The node waits once all other items are done, and then for all of these together.
            self.interrupts += stopped.interrupts
            return True
        return False

    async def _selected(self, result: BodyResult, names: Mapping[str, Any]) -> Any:
        """Return what an item's result is; note whether it is the last item."""
        nodes = {name: {"output": output} for name, output in result.outputs.items()}
        seen = {**nodes, **names, "result": result.output}
        if self.node.select is not None:
            seen["result"] = await self._value(self.node.select, seen)
        if self.node.stop_when is not None:
            self.is_over |= bool(await evaluated(partial(self.node.stop_when, **seen)))
        return seen["result"]

    async def _value(self, select: Formula, seen: Mapping[str, Any]) -> Any:
        try:
            return await evaluated(partial(select, **seen))
        except ExpressionError as problem:
            if self.node.on_error == "fail":
                raise
            raise NodeError("expression-failed", f"{problem}") from None

    def outcome(self) -> Outcome:
        """Return the results and errors, in the order of the items."""
        variables: dict[str, Any] = {}
        for index in sorted(self.variables):
            variables.update(self.variables[index])
        errors = [
            {"index": index, "code": problem.code, "message": problem.message}
            for index, problem in sorted(self.errors.items())
        ]
        output = {"results": self._results(), "errors": errors}
        return Outcome(output, variables=variables)

    def _results(self) -> list[Any]:
        finished = sorted({*self.done, *(self.errors if self.node.on_error == "collect" else ())})
        return [self.done.get(index) for index in finished]
