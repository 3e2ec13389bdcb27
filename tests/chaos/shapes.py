"""The workflows of the runs to kill: at least one for every way to resume a run."""

import asyncio
import os
from typing import Any, ClassVar

from flowc.compiler.node import Context, Node

SIDE_LOG = "FLOWC_CHAOS_LOG"


class Mark(Node):
    """Write a line to a file when the work begins, and one when it has ended."""

    type: ClassVar = "mark"
    seconds: float = 0.0

    async def run(self, context: Context) -> str:
        note("begin", context.place)
        await asyncio.sleep(self.seconds)
        note("end", context.place)
        return context.node_id


def note(what: str, place: str) -> None:
    """Append a line to the side log at once, so that it outlives the process."""
    file = os.open(os.environ[SIDE_LOG], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, f"{what} {place}\n".encode())
    os.close(file)


def mark(id: str, *after: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "mark", "depends_on": list(after), **more}


def human(id: str, *after: str, **config: Any) -> dict[str, Any]:
    return {"id": id, "type": "human", "depends_on": list(after), "config": config}


def wait(id: str, *after: str, **config: Any) -> dict[str, Any]:
    return {"id": id, "type": "wait", "depends_on": list(after), "config": config}


def within(kind: str, id: str, nodes: list[Any], *after: str, **config: Any) -> dict[str, Any]:
    config["workflow" if kind == "subworkflow" else "body"] = {"nodes": nodes}
    return {"id": id, "type": kind, "depends_on": list(after), "config": config}


# Long enough for the nodes that ended before to be stored: the rest is the window below.
_SLOW = {"config": {"seconds": 0.05}}
_ROUTE = {
    "nodes": [
        mark("a"),
        {
            "id": "route",
            "type": "conditional",
            "depends_on": ["a"],
            "config": {"condition": "a.output == 'a'", "true_edge": "b", "false_edge": "c"},
        },
        mark("b"),
        mark("c"),
        mark("end", "b", "c"),
    ]
}
_AGAIN = {
    "variables": {"n": 0},
    "nodes": [
        {"id": "begin", "type": "start"},
        {"id": "count", "type": "set", "config": {"variables": {"n": "{{variables.n + 1}}"}}},
        mark("work", "count"),
        {
            "id": "more",
            "type": "conditional",
            "depends_on": ["work"],
            "config": {"condition": "variables.n < 3", "true_edge": "count"},
        },
    ],
    "edges": [{"source": "begin", "target": "count"}],
}

SHAPES: dict[str, dict[str, Any]] = {
    "chain": {"nodes": [mark("a"), mark("b", "a"), mark("c", "b")]},
    "diamond": {
        "nodes": [mark("a"), mark("b", "a"), mark("c", "a"), mark("d", "b", "c", join="all")]
    },
    "paths of unequal length": {
        "nodes": [
            mark("a"),
            mark("b", "a", **_SLOW),
            mark("c", "b", **_SLOW),
            mark("d", "a", **_SLOW),
            mark("e", "c", "d", **_SLOW),
        ]
    },
    "branch": _ROUTE,
    "loop by edges": _AGAIN,
    "loop": {
        "nodes": [within("loop", "l", [mark("w", **_SLOW)], for_each=[1, 2, 3]), mark("end", "l")]
    },
    "map": {
        "nodes": [
            within(
                "map",
                "m",
                [mark("w", **_SLOW), mark("x", "w", **_SLOW)],
                items=[1, 2, 3, 4],
                max_parallel=2,
            )
        ]
    },
    "sub-workflow": {
        "nodes": [
            within("subworkflow", "s", [mark("a", **_SLOW), mark("b", "a", **_SLOW)]),
            mark("end", "s"),
        ]
    },
    "approval": {"nodes": [mark("a"), human("ask", "a"), mark("b", "ask")]},
    "two approvals": {
        "nodes": [mark("a"), human("p", "a"), human("q", "a"), mark("b", "p", "q", join="all")]
    },
    "approvals in a map": {
        "nodes": [
            within("map", "m", [mark("w"), human("ask", "w"), mark("x", "ask")], items=[1, 2])
        ]
    },
    "approval in a sub-workflow": {
        "nodes": [within("subworkflow", "s", [mark("a"), human("ask", "a")]), mark("end", "s")]
    },
    "agent": {
        "nodes": [
            {
                "id": "helper",
                "type": "agent",
                "config": {
                    "model": "offline/agent",
                    "prompt": "Do it.",
                    "tools": [mark("work", approval=True, description="Do it.", **_SLOW)],
                },
            },
            mark("end", "helper"),
        ]
    },
    "timer": {"nodes": [mark("a"), wait("t", "a", **{"for": 2.05}), mark("b", "t")]},
    "signal": {"nodes": [mark("a"), wait("g", "a", signal="go"), mark("b", "g")]},
    "question whose time is over": {
        "nodes": [human("late", timeout=1, default="reject", title="late"), mark("b", "late")]
    },
}
GRANULARITIES = ("auto", "node", "fused")


def definition_of(shape: str, granularity: str) -> dict[str, Any]:
    """Return the definition of a shape at a granularity."""
    return {**SHAPES[shape], "settings": {"granularity": granularity}}


# How many nodes can have ended without being stored when a process dies; 1 for other shapes.
_WINDOW = {"diamond": 2, "map": 4, "approvals in a map": 2, "paths of unequal length": 2}
_WITH_BODIES = frozenset({"loop", "map", "subworkflow", "agent"})
_WITH_REGIONS = frozenset({"paths of unequal length", "two approvals"})


def window_of(shape: str, granularity: str) -> int:
    """Return how many nodes of a shape can have ended without being stored when a process dies."""
    window = _WINDOW.get(shape, 1)
    if granularity == "node" or (granularity == "auto" and shape not in _WITH_REGIONS):
        return window
    # In a region, nodes do not wait until the outcomes of those before them are stored, so those
    # that take no time can have ended after the last one that was not stored yet.
    quick = sum(node["type"] == "mark" and "config" not in node for node in SHAPES[shape]["nodes"])
    return window + quick * (3 if shape == "loop by edges" else 1)


# The runs of these are queued; the others begin in the process that awaits them.
QUEUED = frozenset({"diamond", "loop", "sub-workflow", "two approvals", "signal"})
