"""What does a graph look like, as Mermaid and as JSON?"""

from typing import Any

from flowc.compiler.analysis.graph import Edge, Graph

_SHAPES = {
    "conditional": ("{{", "}}"),
    "switch": ("{{", "}}"),
    "start": ("([", "])"),
    "end": ("([", "])"),
}


def as_mermaid(graph: Graph) -> str:
    """Return the graph as a Mermaid flowchart; dotted edges lead back in a loop."""
    numbers = {name: f"n{index}" for index, name in enumerate(graph.nodes)}
    lines = ["flowchart TD"]
    for name, node in graph.nodes.items():
        opening, closing = _SHAPES.get(node.type, ("[", "]"))
        lines.append(f'    {numbers[name]}{opening}"{_escaped(node.name or name)}"{closing}')
    for edge in graph.edges:
        arrow = "-.->" if edge in graph.back_edges else "-->"
        label = f'|"{_escaped(_label(edge))}"|' if edge.branches else ""
        lines.append(f"    {numbers[edge.source]} {arrow}{label} {numbers[edge.target]}")
    return "\n".join(lines)


def as_json(graph: Graph) -> dict[str, Any]:
    """Return the graph as plain JSON: nodes, edges with their branches, entries."""
    return {
        "entries": list(graph.entries),
        "nodes": [
            {"id": name, "type": node.type, "name": node.name, "join": node.join}
            for name, node in graph.nodes.items()
        ],
        "edges": [
            {
                "source": edge.source,
                "target": edge.target,
                "branches": sorted(edge.branches) if edge.branches is not None else None,
                "closes_loop": edge in graph.back_edges,
            }
            for edge in graph.edges
        ],
    }


def _label(edge: Edge) -> str:
    return ", ".join(sorted(edge.branches or ()))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
