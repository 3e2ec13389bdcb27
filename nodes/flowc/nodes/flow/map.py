"""How is the same work done for every item of a list, several at once?"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import Field

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.expressions import ExpressionError
from flowc.compiler.node import (
    Body,
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
    """Run the body for every item of `items`, up to `max_parallel` at once; results keep the order.

    The body reads `item` and `index`. An item that fails makes the node fail (`fail`), is left out
    (`skip`), or leaves a null among the `results` and its error among the `errors` (`collect`).
    Once `stop_when` holds for a `result`, no further items begin. Variables that the body sets are
    there afterwards; where several items set the same one, the last item's value stays. While one
    item waits, the others go on.
    """

    type: ClassVar = "map"
    group: ClassVar = "flow"
    body_field: ClassVar = "body"
    body_names: ClassVar = frozenset({"item", "index"})
    formula_names: ClassVar = frozenset({"result", "item", "index"})

    items: list[Any]
    body: Body = Field(description="The nodes and edges that run for each item.")
    max_parallel: int = Field(default=10, ge=1, le=1_000)
    on_error: Literal["fail", "skip", "collect"] = "fail"
    stop_when: ItemCondition | None = Field(
        default=None, description="A condition on `result`, `item` and `index`."
    )

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of the results and errors."""
        properties = {"results": {"type": "array"}, "errors": {"type": "array"}}
        return {"type": "object", "properties": properties, "required": list(properties)}

    @classmethod
    def body_runs(cls, config: Mapping[str, Any]) -> tuple[int, int | None]:
        """Return the number of items, where they are written out."""
        items = config.get("items")
        if not isinstance(items, list):
            return 0, None
        return (0 if config.get("stop_when") else len(items)), len(items)

    async def run(self, context: Context) -> Outcome:
        """Run the body for the items, and return what it gave for each."""
        work = _Mapping(self, context, iter(enumerate(self.items)))
        workers = min(self.max_parallel, len(self.items))
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(work.go_on())
        if work.failure is not None:
            raise work.failure
        if work.interrupts:
            raise Interrupted(*work.interrupts)
        return work.outcome()


@dataclass
class _Mapping:
    """One run of a map: what is left to do, and what came of the rest."""

    node: Map
    context: Context
    left: Iterator[IndexedItem]
    done: dict[int, BodyResult] = field(default_factory=dict)
    errors: dict[int, NodeError] = field(default_factory=dict)
    failure: NodeError | ExpressionError | None = None
    interrupts: list[Interrupt] = field(default_factory=list)
    is_over: bool = False

    async def go_on(self) -> None:
        """Take items, one after the other, until there are no more to take."""
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
            self.interrupts += stopped.interrupts
            return
        self.done[index] = result
        stop = self.node.stop_when
        try:
            self.is_over |= stop is not None and bool(stop(result=result.output, **names))
        except ExpressionError as problem:
            self.failure, self.is_over = self.failure or problem, True

    def outcome(self) -> Outcome:
        """Return results and errors in the order of the items."""
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
