"""The node type `loop`: runs its body turn after turn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.expressions import evaluated
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


class Accumulator(BaseModel):
    """A value that each turn of a loop updates."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    initial: Any = Field(default=None, description="The value before the first turn.")
    expression: ItemExpression = Field(
        description="The next value, from `value` (the current one), `result`, `item`, `index`."
    )


class Loop(Node):
    """Run the body in turns: `while` a condition holds, `until` one holds, or `for_each` item.

    The body reads `loop.index` (from 0), `loop.previous` (the output of the previous turn, null in
    the first) and `loop.accumulators`; with `for_each` also `item` and `index`. Conditions can also
    read `result`, the output of the latest turn, and the outputs of the body's nodes in that turn.
    Variables that a turn sets can be read by the next turns, and by the nodes after the loop.

    The output has the `last` turn's output, the `results` of all turns, the number of `turns`, and
    the final `accumulators`. The node fails if a node of its body fails, or with the code
    `too-many-turns` if a `while` or `until` loop does not end within `max_iterations`.
    """

    type: ClassVar = "loop"
    group: ClassVar = "flow"
    body_field: ClassVar = "body"
    body_names: ClassVar = frozenset({"loop", "item", "index"})
    formula_names: ClassVar = frozenset({"loop", "item", "index", "result", "value"})

    body: BodyField = Field(description="Nodes and edges to run in each turn.")
    while_: ItemCondition | None = Field(
        default=None,
        validation_alias="while",
        description="Continue while this holds; evaluated before each turn.",
    )
    until: ItemCondition | None = Field(
        default=None, description="Stop once this holds; evaluated after each turn."
    )
    for_each: list[Any] | None = Field(
        default=None, description="A list; the body runs once for each item."
    )
    break_: ItemCondition | None = Field(
        default=None,
        validation_alias="break",
        description="End the loop early if this holds; evaluated after each turn.",
    )
    max_iterations: int = Field(
        default=100,
        ge=1,
        le=100_000,
        description="Most turns of a `while` or `until` loop; more make the node fail.",
    )
    accumulators: dict[str, Accumulator] = Field(
        default_factory=dict, description="Values that each turn updates, by name."
    )

    @model_validator(mode="after")
    def _one_kind(self) -> "Loop":
        kinds = [self.while_, self.until, self.for_each]
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("a loop needs exactly one of `while`, `until` and `for_each`")
        return self

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of the last result, all results, turns and accumulators."""
        properties = {
            "last": {},
            "results": {"type": "array"},
            "turns": {"type": "integer"},
            "accumulators": {"type": "object"},
        }
        return {"type": "object", "properties": properties, "required": list(properties)}

    @classmethod
    def fails_with_body(cls, config: Mapping[str, Any]) -> bool:
        """Return true."""
        return True

    @classmethod
    def body_runs(cls, config: Mapping[str, Any]) -> tuple[int, int | None]:
        """Return the fewest and most turns: `until` takes at least one, `while` may take none."""
        items, most = config.get("for_each"), config.get("max_iterations", 100)
        if isinstance(items, list):
            return (min(1, len(items)) if "break" in config else len(items)), len(items)
        return (1 if "until" in config else 0), most if isinstance(most, int) else None

    async def run(self, context: Context) -> Outcome:
        """Run the turns, and return their outputs."""
        turns = _Turns(self, {name: a.initial for name, a in self.accumulators.items()})
        turns.variables.update(context.variables)
        while await turns.has_next():
            if self.for_each is None and turns.count >= self.max_iterations:
                message = f"The loop did not end within {self.max_iterations:,} turns."
                raise NodeError("too-many-turns", message)
            names = turns.names()
            result = await context.run_body(str(turns.count), names, turns.written)
            if await turns.take(result, names):
                break
        return turns.outcome()


@dataclass
class _Turns:
    """The state of a running loop: the outputs and variables of the turns so far."""

    node: Loop
    accumulators: dict[str, Any]
    variables: dict[str, Any] = field(default_factory=dict)
    written: dict[str, Any] = field(default_factory=dict)
    results: list[Any] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """The number of turns that have ended."""
        return len(self.results)

    async def has_next(self) -> bool:
        """Return whether another turn begins; `until` and `break` are evaluated after a turn."""
        if self.node.for_each is not None:
            return self.count < len(self.node.for_each)
        return self.node.while_ is None or await self._holds(self.node.while_, self.names())

    def names(self) -> dict[str, Any]:
        """Return the names that the next turn can read."""
        previous = self.results[-1] if self.results else None
        loop = {"index": self.count, "previous": previous, "accumulators": dict(self.accumulators)}
        items = self.node.for_each or []
        if self.count >= len(items):
            return {"loop": loop}
        return {"loop": loop, "item": items[self.count], "index": self.count}

    async def take(self, result: BodyResult, names: Mapping[str, Any]) -> bool:
        """Add the result of a turn, and return whether it was the last."""
        self.results.append(result.output)
        self.outputs = {name: {"output": output} for name, output in result.outputs.items()}
        self.written.update(result.variables)
        self.variables.update(result.variables)
        for name, accumulator in self.node.accumulators.items():
            given = {**names, "value": self.accumulators[name], "result": result.output}
            self.accumulators[name] = await self._value(accumulator.expression, given)
        seen = {**names, "result": result.output, "loop": self.names()["loop"]}
        conditions = (self.node.until, self.node.break_)
        for condition in conditions:
            if condition is not None and await self._holds(condition, seen):
                return True
        return False

    def outcome(self) -> Outcome:
        """Return the outputs of all turns, and the variables they set."""
        output = {
            "last": self.results[-1] if self.results else None,
            "results": self.results,
            "turns": self.count,
            "accumulators": self.accumulators,
        }
        return Outcome(output, variables=self.written)

    async def _holds(self, condition: Formula, names: Mapping[str, Any]) -> bool:
        return bool(await self._value(condition, names))

    async def _value(self, formula: Formula, names: Mapping[str, Any]) -> Any:
        given = {**self.outputs, "variables": self.variables, **names}
        return await evaluated(partial(formula, **given))
