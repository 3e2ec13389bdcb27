"""How does a plan read as LangGraph, written by hand?

The text imports node types and `flowc.nodes.standalone`, and nothing of the compiler. Where
LangGraph's own edges express what the definition means, they are written; where its joins cannot,
the graph goes by a table of edges.
"""

from flowc.compiler.analysis.draft import Draft
from flowc.compiler.export.graphs import add_graph
from flowc.compiler.export.module import Module
from flowc.compiler.export.text import indented, literal
from flowc.compiler.planning.plan import Plan

__all__ = ["export"]


def export(draft: Draft, plan: Plan) -> str:
    """Return Python text that builds and runs a checked workflow's graph."""
    module = Module()
    graph = add_graph(module, draft, plan, "")
    variables = indented(literal(dict(plan.workflow.variables)), 4)
    run = (
        f"EXITS = {plan.exits!r}\n\n\n"
        "async def run(given: Mapping[str, Any], host: Host | None = None) -> Any:\n"
        '    """Run the graph on an input, and return its output."""\n'
        f"    variables: dict[str, Any] = {variables}\n"
        f"    return await run_graph({graph}, EXITS, given, variables, host)\n\n\n"
        'if __name__ == "__main__":\n    main(run)\n'
    )
    return module.text(plan.workflow.title, run)
