"""Loads the variables with which a workflow begins: those that are stored, or their defaults."""

from typing import Any

from flowc.compiler.definition import declarations_in, initial_values
from flowc.compiler.planning.plan import Plan
from flowc.compiler.running.run_context import RunContext
from flowc.compiler.schemas.fitting import find_problems


async def begun_variables(
    plan: Plan, run: RunContext, workflow: str | None = None
) -> dict[str, Any]:
    """Return the variables of a workflow at its beginning.

    `workflow` is its id, if it is a stored one that the run's own workflow runs. A stored value
    that does not fit its declaration any more counts as not stored.
    """
    written = plan.workflow.variables
    values, declared = initial_values(written), declarations_in(written)
    if run.lasting is None:
        return values
    for scope, names in plan.lasting.items():
        for name, value in (await run.lasting.read(scope, sorted(names), workflow)).items():
            type = declared[name].type if name in declared else None
            if type is None or not await find_problems(value, type):
                values[name] = value
    return values
