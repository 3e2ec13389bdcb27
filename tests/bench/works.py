"""The works that are measured over HTTP: workflows for flowc, and what a request sends to both sides.

Each rival serves the same work under the same name, with the same input. The rivals import this file,
so it imports nothing of flowc.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

TEXT = "0123456789abcdef" * 64
ITEMS = 100
TURNS = 100
CHAINS, LENGTH, SLOW, FAST = 8, 12, 0.05, 0.005
# The longest path through the zigzag, in milliseconds: every chain is as long as any other.
CRITICAL_MS = LENGTH / 2 * (SLOW + FAST) * 1e3
COUNT = """
def process(text):
    words = text.split()
    return {"text": text, "words": len(words)}
"""


@dataclass(frozen=True)
class Work:
    """A workflow by name, the input of its runs, and its settings."""

    name: str
    definition: dict[str, Any]
    input: dict[str, Any] = field(default_factory=dict)

    def fused(self) -> "Work":
        return self.with_granularity("fused")

    def with_granularity(self, granularity: str) -> "Work":
        """Return the work under a name of its own, at another granularity than `node`."""
        settings = {"granularity": granularity}
        definition = {**self.definition, "settings": settings}
        return Work(f"{self.name}-{granularity}", definition, self.input)


def _path(*nodes: dict[str, Any]) -> dict[str, Any]:
    """Return a definition in which nodes follow each other."""
    ids = [node["id"] for node in nodes]
    edges = [{"source": a, "target": b} for a, b in pairwise(ids)]
    return {"nodes": list(nodes), "edges": edges, "settings": {"granularity": "node"}}


def _template(id: str, text: str) -> dict[str, Any]:
    return {"id": id, "type": "template", "config": {"template": text}}


def chat() -> Work:
    ask = {"model": "m", "prompt": "{{prompt.output.text}}"}
    count = {"code": COUNT, "input_mapping": {"text": "{{ask.output.text}}"}}
    definition = _path(
        {"id": "start", "type": "start"},
        _template("prompt", "Answer in one sentence: {{input.message}}"),
        {"id": "ask", "type": "llm", "config": ask},
        {"id": "count", "type": "code", "config": count},
        {"id": "end", "type": "end", "config": {"output": "{{count.output}}"}},
    )
    return Work("chat", definition, {"message": "What is the capital of France?"})


def one() -> Work:
    return Work("one", _path(_template("say", "Hello {{input.name}}!")), {"name": "Ada"})


def chain(count: int) -> Work:
    """Return a chain of nodes that each pass a kilobyte to the next."""
    texts = ["{{input.text}}", *(f"{{{{n{i}.output.text}}}}" for i in range(count - 1))]
    nodes = [_template(f"n{i}", text) for i, text in enumerate(texts)]
    return Work(f"chain-{count}", _path(*nodes), {"text": TEXT})


def map_items() -> Work:
    """Return a map over items, and a join of what they result in."""
    body = {"nodes": [_template("work", "Item {{item}} is done.")]}
    config = {"items": "{{input.items}}", "body": body, "max_parallel": ITEMS}
    join = _template("join", "{{each.output.results | length}} items are done.")
    definition = _path({"id": "each", "type": "map", "config": config}, join)
    return Work("map", definition, {"items": list(range(ITEMS))})


def map_pauses() -> Work:
    """Return a map over nodes of 50 ms in which nothing is computed."""
    return _waiting("map-pauses", {"id": "work", "type": "pause", "config": {"seconds": SLOW}})


def map_calls(stub: int) -> Work:
    """Return a map over HTTP requests that are answered after 50 ms."""
    url = f"http://127.0.0.1:{stub}/after/{SLOW * 1e3:.0f}/item?number={{{{item}}}}"
    return _waiting("map-calls", {"id": "work", "type": "http", "config": {"url": url}})


def _waiting(name: str, node: dict[str, Any]) -> Work:
    config = {"items": "{{input.items}}", "body": {"nodes": [node]}, "max_parallel": ITEMS}
    definition = _path({"id": "each", "type": "map", "config": config})
    return Work(name, definition, {"items": list(range(ITEMS))})


def loop() -> Work:
    """Return a loop of two nodes a turn."""
    nodes = [_template("count", "Turn {{loop.index}}"), _template("note", "{{count.output.text}}.")]
    body = {"nodes": nodes, "edges": [{"source": "count", "target": "note"}]}
    config = {"while": f"loop.index < {TURNS}", "max_iterations": TURNS + 1, "body": body}
    return Work("loop", _path({"id": "turns", "type": "loop", "config": config}))


def zigzag() -> Work:
    """Return chains of alternately slow and fast nodes, out of step with each other, and a join."""
    nodes: list[Any] = [{"id": "join", "type": "merge"}]
    edges: list[Any] = []
    for c in range(CHAINS):
        for i in range(LENGTH):
            seconds = SLOW if (i + c) % 2 == 0 else FAST
            nodes.append({"id": f"c{c}n{i}", "type": "pause", "config": {"seconds": seconds}})
            target = f"c{c}n{i + 1}" if i + 1 < LENGTH else "join"
            edges.append({"source": f"c{c}n{i}", "target": target})
    return Work("zigzag", {"nodes": nodes, "edges": edges})
