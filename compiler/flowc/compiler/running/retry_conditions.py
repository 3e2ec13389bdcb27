"""The conditions on which a node is retried: `when` on its failure, `until` on its output."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from flowc.compiler.definition import NodeRetry
from flowc.compiler.expressions import Expression, Names, compile_condition, evaluated
from flowc.compiler.node import NodeError
from flowc.compiler.node.errors import error_as_json

# Exported graphs run without it.
if TYPE_CHECKING:
    from flowc.compiler.planning.plan import PlannedNode


class RetryConditions(NamedTuple):
    """The conditions of a retry: `when` on the failure, `until` on the output.

    With `looks_inside`, the kind of a failure in a body counts as that of its node.
    """

    when: Callable[[NodeError], Awaitable[bool]] | None = None
    until: Callable[[Any], Awaitable[bool]] | None = None
    looks_inside: bool = True


NO_CONDITIONS = RetryConditions()


def retry_conditions(
    node: "PlannedNode", names: Names, attempts: Callable[[], int]
) -> RetryConditions:
    """Return the conditions of a node that reads these names; `attempts` counts those so far."""
    when, until = node.configuration.when, node.configuration.until
    found = (
        when.expression if when is not None else None,
        until.expression if until is not None else None,
    )
    is_own = node.definition.retry is not None
    return _conditions(*found, node.id, names, attempts)._replace(looks_inside=is_own)


def written_conditions(
    policy: NodeRetry, name: str, names: Names, attempts: Callable[[], int]
) -> RetryConditions:
    """Return the conditions that are written in the policy of a node with this name."""
    found = [compile_condition(text) if text else None for text in (policy.when, policy.until)]
    return _conditions(found[0], found[1], name, names, attempts)


def _conditions(
    when: Expression | None,
    until: Expression | None,
    name: str,
    names: Names,
    attempts: Callable[[], int],
) -> RetryConditions:
    async def is_worth_it(problem: NodeError) -> bool:
        error = error_as_json(problem, name, attempts())
        return when is None or await _holds(when, {**names, "error": error})

    async def is_done(output: Any) -> bool:
        return until is None or await _holds(until, {**names, "output": output})

    return RetryConditions(
        is_worth_it if when is not None else None, is_done if until is not None else None
    )


async def _holds(condition: Expression, names: Names) -> bool:
    return bool(await evaluated(partial(condition.evaluate, names)))
