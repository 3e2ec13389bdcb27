"""Builds the LangGraph graph of a plan.

Each workflow node is a LangGraph node under its own id. A section, where LangGraph's steps would
make nodes wait without need, is a single one that runs its nodes as a region.
"""

from collections.abc import Callable, Container, Iterable, Sequence
from functools import partial
from typing import Any

from langchain_core.runnables import Runnable
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from flowc.compiler.lowering.direct_calls import call_directly
from flowc.compiler.lowering.inner_nodes import show_inside
from flowc.compiler.lowering.nodes import DynamicNode, SectionNode, StaticNode
from flowc.compiler.lowering.routes import Routes
from flowc.compiler.lowering.state import state_with
from flowc.compiler.planning.plan import Plan, PlannedNode
from flowc.compiler.planning.sections import PlanSection
from flowc.compiler.running.run_context import RunContext

Building = StateGraph[Any, RunContext, Any, Any]
Lowered = CompiledStateGraph[Any, RunContext, Any, Any]


def lower(plan: Plan, sections: Sequence[PlanSection] = ()) -> Lowered:
    """Return the LangGraph graph of a plan, compiled without a checkpointer."""
    routes = Routes(plan.wiring, tuple(sections))
    graph = _empty_graph(plan, routes)
    for node in plan.nodes.values():
        if node.id not in routes.inside:
            _add_node(graph, node, routes, routes.name)
    for section in sections:
        targets = [routes.name(edge.target) for edge in _leaving(plan, section.nodes)]
        _add_dynamic(graph, section.name, SectionNode(plan, section, routes), targets)
    for name in dict.fromkeys(map(routes.name, plan.wiring.entries)):
        graph.add_edge(START, name)
    lowered = graph.compile(name=plan.workflow.title)
    # Only the workflow's own nodes; LangGraph adds some that work differently.
    for name in graph.nodes:
        call_directly(lowered.nodes[name])
    for section in sections:
        show_inside(lowered.nodes[section.name], partial(_inner_graph, plan, section))
    return lowered


def _inner_graph(plan: Plan, section: PlanSection) -> Lowered:
    """Return a section as a graph of its own, in which leaving the section is the end."""
    routes = Routes(plan.wiring, ())
    graph = _empty_graph(plan, routes)

    def place_of(name: str) -> str:
        return name if name in section.nodes else END

    for node in plan.nodes.values():
        if node.id in section.nodes:
            _add_node(graph, node, routes, place_of)
    for name in section.entries:
        graph.add_edge(START, name)
    return graph.compile(name=section.name)


def _empty_graph(plan: Plan, routes: Routes) -> Building:
    state = state_with(edges=routes.has_edges, variables=plan.has_variables)
    return StateGraph(state, context_schema=RunContext)


def _add_node(
    graph: Building, node: PlannedNode, routes: Routes, place_of: Callable[[str], str]
) -> None:
    targets = [place_of(edge.target) for edge in node.wire.outgoing]
    # Plain edges are cheaper than a Command, and enough where every run goes the same way.
    if node.wire.is_static:
        graph.add_node(node.id, StaticNode(node), input_schema=graph.state_schema)
        for target in dict.fromkeys(targets):
            graph.add_edge(node.id, target)
    else:
        _add_dynamic(graph, node.id, DynamicNode(node, routes), targets)


def _add_dynamic(
    graph: Building, name: str, node: Runnable[Any, Any], targets: Iterable[str]
) -> None:
    ends = tuple(dict.fromkeys(targets))
    graph.add_node(name, node, input_schema=graph.state_schema, destinations=ends)


def _leaving(plan: Plan, nodes: Container[str]) -> Iterable[Any]:
    for name, node in plan.nodes.items():
        if name in nodes:
            yield from (edge for edge in node.wire.outgoing if edge.target not in nodes)
