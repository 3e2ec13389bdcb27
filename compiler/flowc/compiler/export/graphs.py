"""Writes the functions and edges of a graph, and of the graphs within its nodes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flowc.compiler.export.edges import can_be_drawn, come_together, ways_of
from flowc.compiler.export.module import Module
from flowc.compiler.export.nodes import making, options
from flowc.compiler.export.text import indented, literal, sentence
from flowc.compiler.planning.plan import Plan, PlannedNode


def add_graph(module: Module, plan: Plan, prefix: str, is_tools: bool = False) -> str:
    """Write a plan's graph to a module, bodies first; return the graph's name.

    A graph of tools, or of parts, starts at one of them in each run.
    """
    return _Graph(module, plan, prefix, is_tools).write()


def _begins_at_one(node: PlannedNode) -> bool:
    return bool(node.tools or node.node_type.parts)


@dataclass
class _Graph:
    module: Module
    plan: Plan
    prefix: str
    is_tools: bool = False
    joins: str = ""
    functions: dict[str, str] = field(default_factory=dict)

    def write(self) -> str:
        module, plan = self.module, self.plan
        graph = module.name(f"{self.prefix}graph")
        self.functions = {name: module.name(f"{self.prefix}{name}_node") for name in plan.nodes}
        bodies = {
            name: add_graph(module, node.body, f"{self.prefix}{name}__", _begins_at_one(node))
            for name, node in plan.nodes.items()
            if node.body is not None
        }
        if not can_be_drawn(plan):
            self.joins = module.name(f"{self.prefix}joins".upper())
            module.parts.append(self._table())
        module.parts += [self._function(node, bodies.get(id)) for id, node in plan.nodes.items()]
        module.parts.append("\n".join(self._building(graph)))
        return graph

    def _table(self) -> str:
        """Return the table of edges that the graph's joins follow."""
        wires = self.plan.wiring.wires
        edges = [
            (e.source, e.target) if e.branches is None else (e.source, e.target, sorted(e.branches))
            for wire in wires.values()
            for e in wire.outgoing
        ]
        parts: dict[str, Any] = {"entries": list(self.plan.wiring.entries), "edges": edges}
        if all_of := [name for name, wire in wires.items() if wire.join == "all"]:
            parts["join_all"] = all_of
        if races := {n: wire.quorum for n, wire in wires.items() if wire.quorum is not None}:
            parts["join_at_least"] = races
        inside = "".join(
            f"    {key}={indented(literal(value), 4)},\n" for key, value in parts.items()
        )
        return f"{self.joins} = {self.module.joins()}(\n{inside})"

    def _function(self, node: PlannedNode, body: str | None) -> str:
        """Return the function of a node."""
        returned, ending = self._ending(node)
        name, kind = self.functions[node.id], self.module.node_type(node.node_type)
        description = node.definition.description or node.definition.name
        call = (
            f"{self.module.helper('run_node')}({node.id!r}, make, state, runtime.context"
            f"{options(self.module, node, body)})"
        )
        lines = [
            f"async def {name}(state: State, runtime: Runtime[Host]) -> {returned}:",
            *([f'    """{sentence(description)}"""', ""] if description else []),
            f"    def make(names: Mapping[str, Any]) -> {kind}:",
            f"        return {indented(making(self.module, node), 8)}",
            "",
            *(line.replace("<call>", call) for line in ending),
        ]
        return "\n".join(lines)

    def _ending(self, node: PlannedNode) -> tuple[str, list[str]]:
        """Return what a node's function returns, and its last lines."""
        ways = ways_of(node.wire)
        if self.joins:
            return f"{self.module.command()}[Any]", [
                f"    update, goto = await {self.joins}.visit({node.id!r}, state, lambda: <call>)",
                "    return Command(update=update, goto=goto)",
            ]
        if ways is None:
            return "dict[str, Any]", ["    return (await <call>).update"]
        return f"{self.module.command()}[Any]", [
            "    done = await <call>",
            f"    ways = {indented(literal(ways), 4)}",
            '    return Command(update=done.update, goto=ways.get(done.branch or "", []))',
        ]

    def _building(self, graph: str) -> Iterator[str]:
        """Yield the lines that build the graph."""
        builder = self.module.name(f"{self.prefix}builder")
        yield f"{builder} = StateGraph(State, context_schema=Host)"
        for name, wire in self.plan.wiring.wires.items():
            targets = tuple(dict.fromkeys(edge.target for edge in wire.outgoing))
            goes = targets and (self.joins or ways_of(wire) is not None)
            more = f", destinations={targets!r}" if goes else ""
            yield f"{builder}.add_node({name!r}, {self.functions[name]}{more})"
        if self.is_tools:
            names = list(self.plan.wiring.entries)
            yield f"{builder}.add_conditional_edges(START, lambda state: state['only'], {names!r})"
        for name in () if self.is_tools else self.plan.wiring.entries:
            yield f"{builder}.add_edge(START, {name!r})"
        if not self.joins:
            yield from self._edges(builder)
        yield f"{graph} = {builder}.compile()"

    def _edges(self, builder: str) -> Iterator[str]:
        wires = self.plan.wiring.wires
        for name, wire in wires.items():
            edges = [*wire.incoming, *wire.closing]
            if come_together(self.plan, wire.incoming):
                yield f"{builder}.add_edge({[edge.source for edge in wire.incoming]!r}, {name!r})"
                edges = list(wire.closing)
            for edge in edges:
                if ways_of(wires[edge.source]) is None:
                    yield f"{builder}.add_edge({edge.source!r}, {name!r})"
