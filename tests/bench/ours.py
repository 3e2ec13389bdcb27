"""The same work as workflows, compiled by flowc."""

import asyncio
from typing import Any, ClassVar

from bench.rivals import PAYLOAD
from flowc.compiler.compile import CompiledWorkflow, compile_workflow
from flowc.compiler.definition import Granularity
from flowc.compiler.node import Context, Node
from flowc.compiler.node.registry import Registry
from flowc.compiler.reading.documents import from_data


class Payload(Node):
    """Return a kilobyte, after some seconds."""

    type: ClassVar = "payload"
    seconds: float = 0.0

    async def run(self, context: Context) -> dict[str, str]:
        if self.seconds:
            await asyncio.sleep(self.seconds)
        return {"value": PAYLOAD}


REGISTRY = Registry([*Registry.installed(), Payload])


def workflow(definition: Any, granularity: Granularity = "node") -> CompiledWorkflow:
    return compile_workflow(from_data(definition), REGISTRY, granularity)


def chain(count: int) -> Any:
    nodes = [{"id": f"n{index}", "type": "payload"} for index in range(count)]
    edges = [{"source": f"n{i}", "target": f"n{i + 1}"} for i in range(count - 1)]
    return {"nodes": nodes, "edges": edges}


def zigzag(chains: int, length: int, slow: float, fast: float) -> Any:
    """Return chains of alternately slow and fast nodes, out of step with each other, and a join."""
    nodes: list[Any] = [{"id": "join", "type": "payload"}]
    edges: list[Any] = []
    for c in range(chains):
        for i in range(length):
            seconds = slow if (i + c) % 2 == 0 else fast
            nodes.append({"id": f"c{c}n{i}", "type": "payload", "config": {"seconds": seconds}})
            target = f"c{c}n{i + 1}" if i + 1 < length else "join"
            edges.append({"source": f"c{c}n{i}", "target": target})
    return {"nodes": nodes, "edges": edges}


def map_items(count: int) -> Any:
    body = {"nodes": [{"id": "work", "type": "payload"}]}
    config = {"items": list(range(count)), "body": body, "max_parallel": 100}
    return {"nodes": [{"id": "each", "type": "map", "config": config}]}


def edge_loop(turns: int) -> Any:
    """Return a loop through edges: a node, and a condition that leads back to it."""
    condition = f"variables.n < {turns}"
    return {
        "variables": {"n": 0},
        "nodes": [
            {"id": "begin", "type": "start"},
            {"id": "body", "type": "set", "config": {"variables": {"n": "{{variables.n + 1}}"}}},
            {
                "id": "more",
                "type": "conditional",
                "config": {"condition": condition, "true_edge": "body"},
            },
        ],
        "edges": [{"source": "begin", "target": "body"}, {"source": "body", "target": "more"}],
    }


def loop(turns: int) -> Any:
    body = {"nodes": [{"id": "work", "type": "payload"}]}
    config = {"for_each": list(range(turns)), "body": body, "max_iterations": turns}
    return {"nodes": [{"id": "turns", "type": "loop", "config": config}]}
