"""The node type `map`: runs its body for each item of a list, several at once."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Literal

from pydantic import Field

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.expressions import ExpressionError, evaluated
from flowc.compiler.node import (
    BodyField,
    BodyResult,
    Context,
    ItemCondition,
    Node,
    NodeError,
    Outcome,
)
from flowc.compiler.node.interrupts import Interrupt, Interrupted

IndexedItem = tuple[int, Any]


class Map(Node):
    """Run the body for each item of `items`, up to `max_parallel` items at once.

    The body reads `item` and `index` (from 0). The output has the `results` in the order of the
    items, and the `errors` of failed items, each with its `index`, `code` and `message`. Variables
    that the body sets can be read by the nodes after the map; if several items set the same one,
    the value of the last item is used. An item that waits does not hold up the others.
    """

    type: ClassVar = "map"
    group: ClassVar = "flow"
    body_field: ClassVar = "body"
    body_names: ClassVar = frozenset({"item", "index"})
    formula_names: ClassVar = frozenset({"result", "item", "index"})

    items: list[Any] = Field(description="The list to work on.")
    body: BodyField = Field(description="Nodes and edges to run for each item.")
    max_parallel: int = Field(
        default=10, ge=1, le=1_000, description="Most items to work on at the same time."
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
    def body_runs(cls, config: Mapping[str, Any]) -> tuple[int, int | None]:
        """Return the number of items, if the configuration lists them."""
        items = config.get("items")
        if not isinstance(items, list):
            return 0, None
        return (0 if config.get("stop_when") else len(items)), len(items)

    async def run(self, context: Context) -> Outcome:
        """Run the body for the items, and return the results."""
        work = _Mapping(self, context, iter(enumerate(self.items)))
        workers = min(self.max_parallel, len(self.items))
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(work.take_items())
        if work.failure is not None:
            raise work.failure
        if work.interrupts:
            raise Interrupted(*work.interrupts)
        return work.outcome()


@dataclass
class _Mapping:
    """The state of a running map: the items left, the results and the errors so far."""

    node: Map
    context: Context
    left: Iterator[IndexedItem]
    done: dict[int, BodyResult] = field(default_factory=dict)
    errors: dict[int, NodeError] = field(default_factory=dict)
    failure: NodeError | ExpressionError | None = None
    interrupts: list[Interrupt] = field(default_factory=list)
    is_over: bool = False

    async def take_items(self) -> None:
        """Work on items one after the other, until none are left."""
        for index, item in self.left:
            if self.is_over:
                return
            await self._take(index, item)

    async def _take(self, index: int, item: Any) -> None:
        names = {"item": item, "index": index}
        try:
            result = await self.context.run_body(str(index), names, {})
        except NodeError as problem:
            self.errors[index] = problem
            if self.node.on_error == "fail":
                self.failure, self.is_over = self.failure or problem, True
            return
        except Interrupted as stopped:
            # The node waits once all other items are done, and then for all of these together.
            self.interrupts += stopped.interrupts
            return
        self.done[index] = result
        stop = self.node.stop_when
        try:
            if stop is not None:
                work = partial(stop, result=result.output, **names)
                self.is_over |= bool(await evaluated(work))
        except ExpressionError as problem:
            self.failure, self.is_over = self.failure or problem, True

    def outcome(self) -> Outcome:
        """Return the results and errors, in the order of the items."""
        variables: dict[str, Any] = {}
        for index in sorted(self.done):
            variables.update(self.done[index].variables)
        errors = [
            {"index": index, "code": problem.code, "message": problem.message}
            for index, problem in sorted(self.errors.items())
        ]
        output = {"results": self._results(), "errors": errors}
        return Outcome(output, variables=variables)

    def _results(self) -> list[Any]:
        finished = sorted({*self.done, *(self.errors if self.node.on_error == "collect" else ())})
        return [self.done[i].output if i in self.done else None for i in finished]
