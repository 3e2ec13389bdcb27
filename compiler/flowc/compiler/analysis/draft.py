"""What is known of a workflow before it is checked: its definition, graph and configurations."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from flowc.compiler.analysis.ancestors import Ancestors
from flowc.compiler.analysis.configuration import Configuration, configure
from flowc.compiler.analysis.graph import ERROR, Graph, all_branches, build_graph
from flowc.compiler.analysis.run_conditions import Condition, run_conditions
from flowc.compiler.definition import NodeDefinition, ToolDefinition, WorkflowDefinition
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.diagnostics import DefinitionRefused, Pointer, Problem
from flowc.compiler.node import Node
from flowc.compiler.node.registry import Registry
from flowc.compiler.reading.dialects import (
    Misshapen,
    not_a_workflow,
    read_body,
    read_definition,
    read_tools,
    read_workflow,
)
from flowc.compiler.reading.library import Library, Stored


@dataclass(frozen=True)
class Draft:
    """A workflow, or a node's body, under examination; each view is made when first asked for.

    A body's draft knows the draft that its container stands in, and which node that is. `uses`
    are the stored workflows that nodes run, and `within` the ids of those round this one.
    `inferred` holds configurations that replace written ones, by the places of their nodes.
    """

    workflow: WorkflowDefinition
    registry: Registry
    uses: "UsedWorkflows"
    within: tuple[str, ...] = ()
    outer: "Draft | None" = None
    container: str = ""
    inferred: Mapping[Pointer, dict[str, Any]] = field(default_factory=dict)

    @cached_property
    def nodes(self) -> Mapping[str, NodeDefinition]:
        """The nodes by id."""
        return {node.id: self._completed(node) for node in self.workflow.nodes}

    def _completed(self, node: NodeDefinition) -> NodeDefinition:
        config, kind = self.inferred.get(node.at), self.registry.get(node.type)
        if config is None and isinstance(node, ToolDefinition) and kind is not None:
            config = kind.as_tool(node.config)
        return node if config is None else node.model_copy(update={"config": config})

    @cached_property
    def types(self) -> Mapping[str, type[Node]]:
        """The node type of each node whose type exists."""
        known = {node.id: self.registry.get(node.type) for node in self.workflow.nodes}
        return {name: found for name, found in known.items() if found is not None}

    @cached_property
    def bodies(self) -> Mapping[str, "Draft"]:
        """The drafts of the bodies that nodes have, as far as they can be read."""
        return {name: draft for name, (draft, _) in self._read_bodies.items() if draft is not None}

    @cached_property
    def body_problems(self) -> tuple[Problem, ...]:
        """What keeps bodies from being read."""
        return tuple(p for _, problems in self._read_bodies.values() for p in problems)

    @cached_property
    def _read_bodies(self) -> Mapping[str, tuple["Draft | None", list[Problem]]]:
        return {
            name: self._read_body(self.nodes[name], kind)
            for name, kind in self.types.items()
            if kind.body_field is not None
            and _is_body(self.nodes[name].config.get(kind.body_field), kind)
        }

    def _read_body(
        self, node: NodeDefinition, kind: type[Node]
    ) -> tuple["Draft | None", list[Problem]]:
        assert kind.body_field is not None  # asked of types with a body alone
        raw, at = node.config[kind.body_field], node.config_at(kind.body_field)
        try:
            workflow = _reader(kind)(raw, at)
        except Misshapen as wrong:
            return None, wrong.problems
        outer = None if kind.is_isolated else self
        within, inferred = self.within, self.inferred
        return Draft(workflow, self.registry, self.uses, within, outer, node.id, inferred), []

    @cached_property
    def used(self) -> Mapping[str, "UsedWorkflow"]:
        """The stored workflows that nodes run, by node."""
        return {
            name: self.uses.get(*asked, self)
            for name, kind in self.types.items()
            if (asked := kind.stored_workflow(self.nodes[name].config)) is not None
        }

    def inside(self, name: str) -> "Draft | None":
        """Return the draft of what a node runs: its body, or a stored workflow."""
        use = self.used.get(name)
        return use.draft if use is not None else self.bodies.get(name)

    def describe_output(self, name: str) -> Schema | None:
        """Return the JSON Schema of a node's output, if it is known."""
        inner = self.inside(name)
        if inner is not None and self.types[name].is_isolated:
            return inner.workflow.output
        return self.types[name].describe_output(self.nodes[name].config)

    @property
    def whole(self) -> "Draft":
        """The draft of the workflow that this is a body in."""
        return self if self.outer is None else self.outer.whole

    @cached_property
    def hash(self) -> str:
        """A digest of what the workflow means, together with the stored ones that it runs."""
        used = sorted(
            {
                (use.id, use.draft.hash)
                for part in self.walk()
                for use in part.used.values()
                if use.draft is not None
            }
        )
        if not used:
            return self.workflow.hash
        return hashlib.sha256(json.dumps([self.workflow.hash, used]).encode()).hexdigest()

    def writes(self, name: str) -> frozenset[str]:
        """Return the variables that a node sets, or that nodes in its body do."""
        kind = self.types.get(name)
        own = kind.writes(self.nodes[name].config) if kind is not None else frozenset[str]()
        body = self.bodies.get(name)
        if body is None or body.outer is None:
            return own
        return own.union(*(body.writes(inner) for inner in body.nodes))

    def data_sources(self, name: str) -> tuple[str, ...]:
        """Return the nodes whose output flows to one, looked for through those that pass it on."""
        sources: dict[str, None] = {}
        seen: set[str] = set()
        todo = [edge.source for edge in self.graph.forward_incoming[name]]
        while todo:
            source = todo.pop(0)
            if source in seen:
                continue
            seen.add(source)
            if self.types[source].passes_data_on:
                todo.extend(edge.source for edge in self.graph.forward_incoming[source])
            else:
                sources[source] = None
        return tuple(sources)

    def walk(self) -> Iterator["Draft"]:
        """Yield this draft and those of all bodies in it."""
        yield self
        for body in self.bodies.values():
            yield from body.walk()

    def holder_of(self, name: str) -> "tuple[Draft, str] | None":
        """Return the draft round this one that has a node, and which node holds this one there."""
        if self.outer is None:
            return None
        return (
            (self.outer, self.container) if name in self.outer.nodes else self.outer.holder_of(name)
        )

    @property
    def inner_names(self) -> frozenset[str]:
        """The names such as `item` and `error` that there are here."""
        copes = any(node.on_error != "fail" for node in self.workflow.nodes)
        own = frozenset({"error"}) if copes else frozenset[str]()
        if self.outer is None:
            return own
        return own | self.outer.types[self.container].body_names | self.outer.inner_names

    @cached_property
    def graph(self) -> Graph:
        """The edges, resolved."""
        return build_graph(self.workflow, self.registry)

    @cached_property
    def configurations(self) -> Mapping[str, Configuration]:
        """The compiled configuration of each node."""
        return {name: configure(self.nodes[name], found) for name, found in self.types.items()}

    @cached_property
    def branches(self) -> Mapping[str, frozenset[str]]:
        """The branches of each node that branches."""
        found = {node.id: all_branches(node, self.registry) for node in self.workflow.nodes}
        return {name: names for name, names in found.items() if names}

    @cached_property
    def conditions(self) -> Mapping[str, Condition | None]:
        """When each reachable node runs."""
        return run_conditions(self.graph, self.branches)

    def gives_output(self, name: str) -> Condition | None:
        """Return when a node leaves an output: when it runs, and does not fail for another."""
        condition = self.conditions.get(name)
        if condition is None or self.nodes[name].error_target is None:
            return condition
        well = self.branches[name] - {ERROR}
        return frozenset(term | {(name, branch)} for term in condition for branch in well)

    @cached_property
    def ancestors(self) -> Ancestors:
        """Which nodes come before which."""
        return Ancestors(self.graph)


def _is_body(raw: Any, kind: type[Node]) -> bool:
    return isinstance(raw, list) and bool(raw) if kind.body_is_tools else isinstance(raw, dict)


def _reader(kind: type[Node]) -> Callable[[Any, Pointer], WorkflowDefinition]:
    if kind.body_is_tools:
        return read_tools
    return read_workflow if kind.is_isolated else read_body


def new_draft(
    workflow: WorkflowDefinition,
    registry: Registry,
    library: Library | None = None,
    id: str | None = None,
) -> Draft:
    """Return the draft of a whole workflow; `id` is the one it is stored under."""
    name = id or workflow.id
    return Draft(workflow, registry, UsedWorkflows(library or Library()), (name,) if name else ())


@dataclass(frozen=True)
class UsedWorkflow:
    """A stored workflow that a node runs, or the code and sentence of why it cannot."""

    id: str
    draft: Draft | None = None
    refusal: tuple[str, str] | None = None


@dataclass
class UsedWorkflows:
    """The stored workflows that one compilation uses; each is read once."""

    library: Library
    drafts: dict[tuple[str, str], Draft] = field(default_factory=dict)

    def get(self, id: str, version: str | None, user: Draft) -> UsedWorkflow:
        """Return what a draft uses; a workflow that is under way round it is none."""
        if id in user.within:
            path = " → ".join([*user.within[user.within.index(id) :], id])
            return UsedWorkflow(
                id, refusal=("recursive-workflow", f"The workflow runs itself: {path}.")
            )
        try:
            stored = self.library.get(id, version)
            if stored is None:
                what = f"{id[:60]!r}" if version is None else f"{id[:60]!r} in version {version}"
                return UsedWorkflow(
                    id, refusal=("unknown-workflow", f"There is no workflow {what}.")
                )
            key = (stored.id, stored.version)
            if key not in self.drafts:
                self.drafts[key] = self._read(stored, user)
        except DefinitionRefused as refused:
            message = f"The workflow {id!r} cannot run: {refused.diagnostics[0].message}"
            return UsedWorkflow(id, refusal=("broken-workflow", message))
        return UsedWorkflow(id, self.drafts[key])

    def _read(self, stored: Stored, user: Draft) -> Draft:
        workflow = read_definition(stored.document)
        if workflow.samples:
            raise DefinitionRefused([not_a_workflow(stored.document)])
        return Draft(workflow, user.registry, self, (*user.within, stored.id))
