"""Writes a plan as LangGraph Python, as one would by hand.

The text imports node types and `flowc.nodes.standalone`, but not the compiler. It uses LangGraph's
own edges where they express what the definition means, and a table of edges where they cannot.
"""

import json

from flowc.compiler.definition import initial_values
from flowc.compiler.export.graphs import add_graph
from flowc.compiler.export.module import Module
from flowc.compiler.export.text import indented, literal
from flowc.compiler.planning.plan import Plan

__all__ = ["export"]


def export(plan: Plan) -> str:
    """Return Python text that builds and runs the graph of a plan."""
    module = Module()
    graph = add_graph(module, plan, "")
    variables = indented(literal(initial_values(plan.workflow.variables)), 4)
    schema = plan.workflow.input
    given = "given"
    if schema and '"default"' in json.dumps(schema):
        given = f"{module.helper('with_defaults')}(given, {schema!r})"
    run = (
        f"EXITS = {plan.exits!r}\n\n\n"
        "async def run(given: Mapping[str, Any], host: Host | None = None) -> Any:\n"
        '    """Run the graph on an input, and return its output."""\n'
        f"    variables: dict[str, Any] = {variables}\n"
        f"    return await run_graph({graph}, EXITS, {given}, variables, host)\n\n\n"
        'if __name__ == "__main__":\n    main(run)\n'
    )
    return module.text(plan.workflow.title, run)
