"""Draws a workflow's graph as Mermaid."""

from flowc.compiler.analysis.flow import Flow
from flowc.compiler.analysis.graph import Edge
from flowc.compiler.node import Node

Brackets = tuple[str, str]
_STEP, _DECISION, _TERMINAL = ("[", "]"), ("{{", "}}"), ("([", "])")


def as_mermaid(flow: Flow) -> str:
    """Return the graph as a Mermaid flowchart; dotted edges lead back in a loop."""
    graph = flow.graph
    numbers = {name: f"n{index}" for index, name in enumerate(graph.nodes)}
    lines = ["flowchart TD"]
    for name, node in graph.nodes.items():
        opening, closing = _shape(flow.scope.types[name], name in flow.branches)
        lines.append(f'    {numbers[name]}{opening}"{_escaped(node.name or name)}"{closing}')
    for edge in graph.edges:
        arrow = "-.->" if edge in graph.back_edges else "-->"
        label = f'|"{_escaped(_label(edge))}"|' if edge.branches else ""
        lines.append(f"    {numbers[edge.source]} {arrow}{label} {numbers[edge.target]}")
    return "\n".join(lines)


def _shape(kind: type[Node], branches: bool) -> Brackets:
    """Return the brackets of a node's shape: rounded where a run starts or ends."""
    if kind.is_entry or kind.is_exit:
        return _TERMINAL
    return _DECISION if branches else _STEP


def _label(edge: Edge) -> str:
    return ", ".join(sorted(edge.branches or ()))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
