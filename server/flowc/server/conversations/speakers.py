"""The nodes of a workflow whose streamed text is its answer."""

import re

from flowc.compiler.analysis.references import node_path
from flowc.compiler.compile import CompiledWorkflow

_LONE = re.compile(r"\{\{\s*[\w.\[\]'\"-]+\s*\}\}")


def speakers(compiled: CompiledWorkflow) -> frozenset[str]:
    """Return the nodes whose streamed text is the workflow's answer.

    These are its exits. An exit that only passes on the text of another node, such as
    `{{say.output.text}}`, adds that node.
    """
    plan = compiled.plan
    found = set(plan.exits)
    for name in plan.exits:
        slots = plan.nodes[name].configuration.slots
        if len(slots) == 1 and _LONE.fullmatch(slots[0].source.strip()):
            paths = [reference.path for reference in slots[0].references]
            reads = [read for path in paths if (read := node_path(path, plan.nodes))]
            found |= {node for node, path in reads if path in {("output",), ("output", "text")}}
        found |= set(plan.nodes[name].data_from)
    return frozenset(found)
