"""Workflows whose nodes take virtual seconds, and the moments at which these begin."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, ClassVar

from fakes.edge_notation import Choices, definition_of
from fakes.flows import Pick, Turns, compiled
from fakes.reference_interpreter import Flow
from fakes.virtual_time import now
from flowc.compiler.node import Context, Node, Outcome
from flowc.compiler.running.run_context import RunContext

Moments = dict[str, list[float]]


class Lasting(Node):
    """Take some seconds."""

    type: ClassVar = "lasting"
    seconds: float

    async def run(self, context: Context) -> float:
        await asyncio.sleep(self.seconds)
        return now()


class Deciding(Pick):
    """Take some seconds, then the branches of a script."""

    type: ClassVar = "deciding"
    seconds: float

    async def run(self, context: Context) -> Outcome:
        await asyncio.sleep(self.seconds)
        return await super().run(context)


# name: edges; what branching nodes take; the seconds of nodes, 1 for others; when each begins.
# The notation is that of `edge_notation`. In these, steps make no difference.
EVEN: dict[str, tuple[str, dict[str, list[str]], dict[str, float], str]] = {
    "chain": ("a>b b>c", {}, {"b": 5}, "a 0, b 1, c 6"),
    "diamond of single nodes": ("a>b a>c b>d c>d", {}, {"b": 5}, "a 0, b 1, c 1, d 6"),
    "one long path and a direct edge": ("a>b b>c c>d a>d", {}, {}, "a 0, b 1, c 2, d 3"),
    "single nodes to the end": ("a>b a>c", {}, {"b": 5}, "a 0, b 1, c 1"),
    "branch": ("a>b a>c b>d c>d d>e", {"a": ["c"]}, {}, "a 0, c 1, d 2, e 3"),
    "loop": ("a>b b>c c>b c>d", {"c": ["b", "d"]}, {}, "a 0, b 1 3, c 2 4, d 5"),
    "diamond in a loop": (
        "a>b b>x b>y x>j y>j j>b j>d", {"j": ["b", "d"]}, {"x": 3},
        "a 0, b 1 6, x 2 7, y 2 7, j 5 10, d 11"),
    "several starts, each of one node": ("a>c b>c", {}, {"b": 4}, "a 0, b 0, c 4"),
}  # fmt: skip

# In these, a step is a barrier between nodes that do not depend on each other.
UNEVEN: dict[str, tuple[str, dict[str, list[str]], dict[str, float], str]] = {
    "paths of unequal length": (
        "a>b b>c c>d a>e e>d", {}, {"e": 9}, "a 0, b 1, c 2, e 1, d 10"),
    "paths of equal length": (
        "a>b b>c c>j a>x x>y y>j", {}, {"c": 5, "x": 5}, "a 0, b 1, c 2, x 1, y 6, j 7"),
    "nested forks": (
        "a>b a>c b>d b>e d>f e>f f>j c>j j>k", {}, {"c": 9, "d": 3},
        "a 0, b 1, c 1, d 2, e 2, f 5, j 10, k 11"),
    "fork without a join": (
        "s>a a>b b>c a>x x>y", {}, {"x": 7}, "s 0, a 1, b 2, c 3, x 2, y 9"),
    "several starts": (
        "a>b b>j x>y y>z z>j", {}, {"a": 6}, "a 0, b 6, x 0, y 1, z 2, j 7"),
    "branch beside a slow path": (
        "a>r a>slow r>x r>y x>z y>z z>j slow>j", {"r": ["y"]}, {"slow": 9},
        "a 0, r 1, slow 1, y 2, z 3, j 10"),
    "a path that ends early": (
        "a>r a>x r>b r>out b>j x>j j>z", {"r": ["out"]}, {"x": 6},
        "a 0, r 1, x 1, out 2, j 7, z 8"),
    "fork in a loop": (
        "a>b b>x x>x2 x2>j b>y y>j j>b j>d", {"j": ["b", "d"]}, {"y": 5},
        "a 0, b 1 8, x 2 9, x2 3 10, y 2 9, j 7 14, d 15"),
    "fork in a loop that turns at its start": (
        "a>h h>f h>d f>x x>x2 x2>h f>y y>h", {"h": ["f", "d"]}, {"y": 5},
        "a 0, h 1 8, f 2, x 3, x2 4, y 3, d 9"),
    "loop on a path of a fork": (
        "a>b b>c c>b c>j a>y y>z z>j j>k", {"c": ["b", "b", "j"]}, {"y": 3, "z": 8},
        "a 0, b 1 3 5, c 2 4 6, y 1, z 4, j 12, k 13"),
    "leaving a loop that goes on": (
        "a>b b>c b>n n>m c>b c>d", {"c": ["b", "d"], "b": ["c n"]}, {"n": 9},
        "a 0, b 1 3, c 2 4, n 2 11, m 11 20, d 5"),
    "two loops beside each other": (
        "a>b b>b b>j a>x x>x x>j", {"b": ["b", "j"], "x": ["x", "x", "j"]}, {"x": 4},
        "a 0, b 1 2, x 1 5 9, j 13"),
    "sections one after the other": (
        "a>b b>c c>d a>e e>d d>x x>y y>z d>k k>z", {}, {"e": 9, "k": 9},
        "a 0, b 1, c 2, e 1, d 10, x 11, y 12, k 11, z 20"),
}  # fmt: skip


def moments_of(text: str) -> Moments:
    entries = [entry.split() for entry in text.split(",")]
    return {name: [float(moment) for moment in times] for name, *times in entries}


def lasting(flow: Flow, choices: Choices, seconds: Mapping[str, float]) -> dict[str, Any]:
    """Return the definition of a flow, in which each node takes its seconds."""
    definition = definition_of(flow, choices)
    for node in definition["nodes"]:
        node["type"] = "deciding" if node["type"] == "pick" else "lasting"
        node["config"] = {**node.get("config", {}), "seconds": seconds.get(node["id"], 1)}
    return definition


async def begun(definition: dict[str, Any]) -> Moments:
    """Run a definition, and return when each node began, each time that it ran."""
    found: defaultdict[str, list[float]] = defaultdict(list)

    def note(event: Any) -> None:
        if event.kind == "node.started":
            found[event.node_id].append(now())

    workflow = compiled(definition, Lasting, Deciding)
    context = RunContext(emit=note, services={Turns: Turns()})
    await workflow.graph.ainvoke(workflow.initial_state({}), context=context)
    return dict(found)
