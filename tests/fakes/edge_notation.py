"""Writes workflows as edges: `a>b a>c`, with what branching nodes take and how nodes join.

Joins are written as `d e=first f=2`: `d` joins all its edges, `f` at least two.
"""

from typing import Any

from fakes.reference_interpreter import Flow

# What branching nodes take, turn by turn; the last entry repeats, and other nodes take all edges.
Choices = dict[str, list[set[str]]]


def parse(row: tuple[str, dict[str, list[str]], str]) -> tuple[Flow, Choices]:
    text, choices, written = row
    edges = [(pair.split(">")[0], pair.split(">")[1]) for pair in text.split() if ">" in pair]
    names = dict.fromkeys(name for pair in text.split() for name in pair.split(">"))
    joins = [each.partition("=") for each in written.split()]
    flow = Flow(list(names), edges, {name: join or "all" for name, _, join in joins})
    return flow, {name: [set(t.split()) for t in takes] for name, takes in choices.items()}


def definition_of(flow: Flow, choices: Choices) -> dict[str, Any]:
    """Write the flow as a definition: a branching node's edges are named by when they are taken."""
    nodes = []
    for name in flow.nodes:
        node: dict[str, Any] = {"id": name, "type": "note"}
        if name in choices:
            script = [str(turn) for turn in range(len(choices[name]))]
            node = {
                "id": name,
                "type": "pick",
                "config": {"script": script, "names": [*script, "x"]},
            }
        join = flow.joins.get(name, "any")
        nodes.append({**node, "join": {"at_least": int(join)} if join.isdigit() else join})
    edges = []
    for source, target in flow.edges:
        if source not in choices:
            edges.append({"source": source, "target": target})
            continue
        turns = [n for n, taken in enumerate(choices[source]) if target in taken]
        names = [str(turn) for turn in turns] or ["x"]
        edges += [{"source": source, "target": target, "branch": name} for name in names]
    return {"nodes": nodes, "edges": edges}


def chooser(flow: Flow, choices: Choices) -> Any:
    def choose(node: str, turn: int) -> set[str]:
        if node in choices:
            return choices[node][min(turn, len(choices[node]) - 1)]
        return {target for source, target in flow.edges if source == node}

    return choose
