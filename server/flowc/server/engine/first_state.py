"""The state in which a run begins: its input, and the variables that are stored."""

from collections.abc import Mapping
from typing import Any

from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.definition import initial_values
from flowc.compiler.running.event_data import RunChangedData
from flowc.compiler.running.events import RUN_CHANGED
from flowc.compiler.running.lasting import begun_variables
from flowc.compiler.running.run_context import RunContext
from flowc.server.records.run_keys import same_json

# Who changes variables that begin with stored values, in the event that says so.
STORED = "stored variables"


async def first_state(
    compiled: CompiledWorkflow, given: Mapping[str, Any], context: RunContext
) -> dict[str, Any]:
    """Return the state in which a run begins.

    The event `run.changed` has the stored values of its variables, so that its state can be shown
    and the run can be repeated.
    """
    if not compiled.plan.lasting:
        return compiled.initial_state(given)
    variables = await begun_variables(compiled.plan, context)
    defaults = initial_values(compiled.workflow.variables)
    stored = {
        name: value
        for name, value in variables.items()
        if name not in defaults or not same_json(defaults[name], value)
    }
    if stored:
        context.emit(RUN_CHANGED.of_run(_change(stored, defaults)))
    return compiled.initial_state(given, variables)


def _change(stored: Mapping[str, Any], defaults: Mapping[str, Any]) -> RunChangedData:
    before = {name: defaults[name] for name in stored if name in defaults}
    return {
        "variables": stored,
        "outputs": {},
        "before": {"variables": before, "outputs": {}},
        "scope": "",
        "by": STORED,
    }
