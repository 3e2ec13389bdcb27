"""Turns what follows from a node, or from a section, into what LangGraph does next.

LangGraph knows a section by one name, and wakes it when its entry is woken. Nodes inside a section
are not LangGraph nodes. A path that is dead before it reaches a section is dead in all of it, so
what is skipped there is settled by the node that decided.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from langgraph.types import Command

from flowc.compiler.planning.closings import counted_as
from flowc.compiler.planning.sections import PlanSection
from flowc.compiler.planning.wiring import Wiring
from flowc.compiler.running.events import NODE_SKIPPED
from flowc.compiler.running.run_context import RunContext
from flowc.compiler.running.settlement import (
    Edges,
    Settlement,
    arrive,
    merge_edges,
    update_edges,
)


@dataclass(frozen=True)
class Routes:
    """How the nodes of a workflow are called in LangGraph, and which edges its state has."""

    wiring: Wiring
    sections: tuple[PlanSection, ...]

    @cached_property
    def inside(self) -> frozenset[str]:
        """The nodes of sections, which are not nodes of the LangGraph graph."""
        return frozenset[str]().union(*(section.nodes for section in self.sections))

    @cached_property
    def inner(self) -> frozenset[str]:
        """The nodes of sections, except those at which they are entered."""
        return self.inside.difference(*(section.entries for section in self.sections))

    @cached_property
    def has_edges(self) -> bool:
        """Whether the state must remember how edges settled."""
        wiring = self.wiring
        counts = {counted_as(edge) for edge in wiring.back_edges}
        return not ({edge.key for edge in wiring.tracked} | counts) <= self._forgotten

    def name(self, node: str) -> str:
        """Return the LangGraph node that runs a node which can be woken from outside."""
        return self._names.get(node, node)

    def command(
        self,
        update: Mapping[str, Any],
        steps: Sequence[Settlement],
        edges: Edges,
        run: RunContext,
    ) -> Command[Any]:
        """Return what LangGraph writes and wakes after these steps, and say what they skip."""
        steps = [*steps, *self._through_sections(steps, edges)]
        for step in steps:
            for name in step.skipped:
                run.emit(NODE_SKIPPED.of_node(name, {}))
        news = [found for step in steps if (found := self._remembered(step.edges))]
        woken = [name for step in steps for name in step.wake if name not in self.inner]
        goto = list(dict.fromkeys(map(self.name, woken)))
        return Command(update={"edges": news, **update} if news else dict(update), goto=goto)

    @cached_property
    def _names(self) -> Mapping[str, str]:
        return {name: section.name for section in self.sections for name in section.entries}

    @cached_property
    def _forgotten(self) -> frozenset[str]:
        """The edges and counts that matter only within one execution of a section."""
        wiring = self.wiring
        names = [(edge, edge.key) for edge in wiring.tracked]
        names += [(edge, counted_as(edge)) for edge in wiring.back_edges]
        return frozenset(
            name
            for section in self.sections
            for edge, name in names
            if edge.target in section.nodes and section.counts_turns(edge.source, wiring)
        )

    def _remembered(self, edges: Edges) -> Edges:
        if not self._forgotten:
            return edges
        return {key: value for key, value in edges.items() if key not in self._forgotten}

    def _through_sections(self, steps: Sequence[Settlement], edges: Edges) -> Iterator[Settlement]:
        todo = [name for step in steps for name in step.wake if name in self.inner]
        if not todo:
            return
        now = merge_edges(edges, [step.edges for step in steps])
        while todo:
            passed = arrive(self.wiring, self.wiring.wires[todo.pop()], now)
            update_edges(now, [passed.edges])
            todo += [name for name in passed.wake if name in self.inner]
            yield passed
