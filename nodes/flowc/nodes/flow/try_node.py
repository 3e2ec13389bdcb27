"""The node type `try`: runs its body, handles what fails in it, and cleans up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from pydantic import Field, model_validator

from flowc.compiler.definition import FailureWord, selects
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.expressions import ExpressionError, evaluated
from flowc.compiler.node import (
    BodyFailed,
    BodyField,
    BodyResult,
    Context,
    Formula,
    ItemCondition,
    Node,
    NodeError,
    Outcome,
)
from flowc.compiler.node.errors import error_as_json
from flowc.compiler.node.fields import BodyPartField
from flowc.compiler.node.parts import part_id
from flowc.compiler.node.stored_failures import failure_as_json, failure_of_json
from flowc.nodes.flow.try_parts import TryBody, TryCatch, TryFinally

Failure = NodeError | ExpressionError


class Try(Node):
    """Run the body; if it fails, run `catch`; at the end, run `finally` in any case.

    The option `retry` of the node repeats the whole body, with its delays, before `catch` runs, and
    after any failure unless it says `on`; the option `timeout` limits one attempt of the body.

    `catch` and `finally` read the failure as `error`: its `code` and `message`, the `node` that
    failed and its `attempts`, and after a request also the `status` and `body` of the response. In
    `finally`, `error` is null if nothing failed; in the body, it is the failure that `catch` has
    repaired, null at first. Variables that the body has set before it failed keep their values, and
    each attempt by `retry` begins with those from before.

    If `retry_if` holds after `catch`, the body runs again, with the variables that `catch` has set,
    at most `max_repairs` times; then the node fails with the last failure.

    The output has the `result`, which is the output of the body, or of `catch` if that ran last;
    the `error` that was caught, null if there was none; and the number of `repairs`. The node fails
    if the body fails and `catch` does not handle that, or if `catch` or `finally` fails. Of two
    failures, that of the body, or of `catch`, is the one that counts. A run that is cancelled runs
    neither.
    """

    type: ClassVar = "try"
    group: ClassVar = "flow"
    parts: ClassVar = {"body": TryBody, "catch": TryCatch, "finally": TryFinally}
    body_names: ClassVar = frozenset({"error"})
    formula_names: ClassVar = frozenset({"error", "result"})
    remembers: ClassVar = True

    body: BodyField = Field(description="Nodes and edges to try.")
    catch: BodyPartField = Field(
        default=None, description="Nodes and edges that handle a failure; they read `error`."
    )
    catch_on: list[FailureWord] = Field(
        default=["any"],
        min_length=1,
        description="Failures that `catch` handles: kinds, statuses of HTTP (`404`, `5xx`) and"
        " codes of errors; others fail the node.",
    )
    catch_when: ItemCondition | None = Field(
        default=None,
        description="`catch` handles a failure only if this also holds; reads `error`.",
    )
    retry_if: ItemCondition | None = Field(
        default=None,
        description="After `catch`, run the body again if this holds; reads `result`, the output"
        " of `catch`, and `error`.",
    )
    max_repairs: int = Field(
        default=3, ge=1, le=100, description="Most times that `retry_if` runs the body again."
    )
    finally_: BodyPartField = Field(
        default=None,
        validation_alias="finally",
        description="Nodes and edges that run at the end, also after a failure.",
    )

    @model_validator(mode="after")
    def _catch_is_there(self) -> "Try":
        if self.catch is None:
            needs = {"catch_when": self.catch_when, "retry_if": self.retry_if}
            for name, given in needs.items():
                if given is not None:
                    raise ValueError(f"`{name}` needs a `catch`")
        return self

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of the result, the error and the number of repairs."""
        properties: dict[str, Schema] = {"result": {}, "error": {}, "repairs": {"type": "integer"}}
        return {"type": "object", "properties": properties, "required": list(properties)}

    @classmethod
    def fails_with_body(cls, config: Mapping[str, Any]) -> bool:
        """Return whether there is no `catch`."""
        return config.get("catch") is None

    @classmethod
    def body_runs(cls, config: Mapping[str, Any]) -> tuple[int, int | None]:
        """Return once, and one time more for each repair."""
        most = config.get("max_repairs", 3) if config.get("retry_if") is not None else 0
        return 1, 1 + most if isinstance(most, int) else None

    async def run(self, context: Context) -> Outcome:
        """Run the parts, and return the result of the last one."""
        return await _Trying(self, context, await _rounds_before(context)).outcome()


class _NotHere(Exception):
    """The journal has no such entry."""


async def _rounds_before(context: Context) -> int:
    """Return how often the node has failed before, each time noted in its journal.

    A run that is retried begins again at the node that failed: not with its recorded failure.
    """

    async def look() -> None:
        raise _NotHere

    rounds = 0
    while True:
        try:
            await context.once(f"failed{rounds}", look)
        except _NotHere:
            return rounds
        rounds += 1


@dataclass
class _Trying:
    """The state of a running `try`: the variables that were set, and the failure so far."""

    node: Try
    context: Context
    round: int
    repairs: int = 0
    written: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None

    async def outcome(self) -> Outcome:
        """Run everything; raise the failure that nothing handles."""
        result, failure = None, None
        try:
            result = await self._result()
        except (NodeError, ExpressionError) as problem:
            failure = problem
        try:
            await self._clean_up(failure)
        except BodyFailed as problem:
            failure = failure or problem
        if failure is not None:
            await self.context.once(f"failed{self.round}", _nothing)
            raise failure
        output = {"result": result, "error": self.error, "repairs": self.repairs}
        return Outcome(output, variables=self.written)

    async def _result(self) -> Any:
        while True:
            try:
                return await self._run("body", str(self.repairs))
            except BodyFailed as problem:
                failure = problem
            error = self._described(failure)
            if not await self._catches(failure, error):
                raise failure
            self.error = error
            result = await self._run("catch", self._key())
            if not await self._is_repaired(result):
                return result
            if self.repairs == self.node.max_repairs:
                raise failure
            self.repairs += 1

    async def _catches(self, failure: BodyFailed, error: Mapping[str, Any]) -> bool:
        node, status = self.node, error.get("status")
        if node.catch is None:
            return False
        if not selects(node.catch_on, failure.code, failure.evidence.kind, status):
            return False
        return node.catch_when is None or await _holds(node.catch_when, error=error)

    async def _is_repaired(self, result: Any) -> bool:
        condition = self.node.retry_if
        return condition is not None and await _holds(condition, result=result, error=self.error)

    async def _clean_up(self, failure: Failure | None) -> None:
        if self.node.finally_ is None:
            return
        caught = self.error
        if failure is not None:
            self.error = self._described(failure)
        await self._part("finally", self._key())
        self.error = caught

    async def _run(self, part: str, key: str) -> Any:
        """Run a part whose end is remembered, so that it ends in the same way after a crash."""
        done: BodyResult | None = None

        async def work() -> dict[str, Any] | None:
            nonlocal done
            try:
                done = await self._part(part, key)
            except BodyFailed as problem:
                return failure_as_json(problem)
            return None

        known = await self.context.once(f"{part}{self._key()}", work)
        if known is not None:
            failure = failure_of_json(known)
            if isinstance(failure, BodyFailed):
                self.written.update(failure.left.variables)
            raise failure
        # Its nodes are in the journal, too.
        return (done or await self._part(part, key)).output

    def _key(self) -> str:
        """Return a key for what is done once more after each failure of the node."""
        return f"{self.repairs}.{self.round}" if self.round else str(self.repairs)

    async def _part(self, part: str, key: str) -> BodyResult:
        names = {"error": self.error}
        result = await self.context.run_body(key, names, self.written, part_id(part))
        self.written.update(result.variables)
        return result

    def _described(self, failure: Failure) -> dict[str, Any]:
        """Return a failure as `error`; one of the node's own conditions has no place in a body."""
        if isinstance(failure, BodyFailed):
            return error_as_json(failure, failure.node_id, failure.attempt)
        code = failure.code if isinstance(failure, NodeError) else "expression-failed"
        own = NodeError(code, str(failure))
        return error_as_json(own, self.context.node_id, self.context.attempt)


async def _nothing() -> None:
    """Return null."""


async def _holds(condition: Formula, **names: Any) -> bool:
    return bool(await evaluated(partial(condition, **names)))
