"""Resolves a definition into scopes: nodes that see each other, with types and configurations.

A workflow is one scope, and so is the body of each node that has one. Stored workflows that nodes
run are resolved as well, each once.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from flowc.compiler.analysis.configuration import Configuration, configure
from flowc.compiler.analysis.failure_handlers import failure_handler
from flowc.compiler.analysis.parts import parts_of, without_options_of_parts
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
from flowc.compiler.reading.familiar import with_native_types
from flowc.compiler.reading.library import Library, StoredDefinition


@dataclass(frozen=True, eq=False)
class Scope:
    """The nodes of a workflow, or of a node's body, which can refer to each other.

    A body's scope has the scope that its `container` node is in as its `outer` one, unless the
    container's type is isolated. `problems` are those of bodies that cannot be read. `enclosing`
    are the ids of the stored workflows around it, its own included. `on_failure` has the scope
    of what runs when a run of the workflow has failed, if there is such a thing.
    """

    workflow: WorkflowDefinition
    registry: Registry
    nodes: Mapping[str, NodeDefinition]
    types: Mapping[str, type[Node]]
    configurations: Mapping[str, Configuration]
    enclosing: tuple[str, ...]
    outer: "Scope | None" = None
    container: str = ""
    bodies: dict[str, "Scope"] = field(default_factory=dict)
    stored: dict[str, "StoredUse"] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    on_failure: list["Scope"] = field(default_factory=list)

    @property
    def whole(self) -> "Scope":
        """The scope of the workflow that this one is in."""
        return self if self.outer is None else self.outer.whole

    @cached_property
    def hash(self) -> str:
        """A digest of what the workflow means, with the stored workflows that it runs."""
        uses = [use for part in self.walk() for use in part.stored.values()]
        found = sorted({(use.id, use.scope.hash) for use in uses if use.scope is not None})
        if not found:
            return self.workflow.hash
        return hashlib.sha256(json.dumps([self.workflow.hash, found]).encode()).hexdigest()

    def walk(self) -> Iterator["Scope"]:
        """Yield this scope and those of all bodies in it."""
        yield self
        for body in self.bodies.values():
            yield from body.walk()

    def inside(self, name: str) -> "Scope | None":
        """Return the scope of what a node runs: its body, or a stored workflow."""
        use = self.stored.get(name)
        return use.scope if use is not None else self.bodies.get(name)

    def describe_output(self, name: str) -> Schema | None:
        """Return the JSON Schema of a node's output, if it is known."""
        inner = self.inside(name)
        if inner is not None and self.types[name].is_isolated:
            return inner.workflow.output
        return self.types[name].describe_output(self.nodes[name].config)

    def writes(self, name: str) -> frozenset[str]:
        """Return the variables that a node sets, and those that nodes in its body set."""
        kind = self.types.get(name)
        own = kind.writes(self.nodes[name].config) if kind is not None else frozenset[str]()
        body = self.bodies.get(name)
        if body is None or body.outer is None:
            return own
        return own.union(*(body.writes(inner) for inner in body.nodes))

    @cached_property
    def inner_names(self) -> frozenset[str]:
        """The names that only exist here, such as `item` in a map and `error` after a failure."""
        handles_errors = self.workflow.reads_error or any(
            node.on_error != "fail" for node in self.workflow.nodes
        )
        own = frozenset({"error"}) if handles_errors else frozenset[str]()
        if self.outer is None:
            return own
        return own | self.outer.types[self.container].body_names | self.outer.inner_names


@dataclass(frozen=True)
class StoredUse:
    """A stored workflow that a node runs; a `refusal` is the code and sentence of why it cannot."""

    id: str
    scope: Scope | None = None
    refusal: tuple[str, str] | None = None


def resolve(
    workflow: WorkflowDefinition,
    registry: Registry,
    library: Library,
    id: str | None = None,
    in_part: bool = False,
) -> Scope:
    """Return the scope of a whole workflow; `id` is the one that it is stored under.

    With `in_part`, its bodies have what can be read of them.
    """
    name = id or workflow.id
    enclosing = (name,) if name else ()
    resolver = _Resolver(registry, library, in_part)
    scope = resolver.scope(workflow, enclosing)
    try:
        handler = failure_handler(workflow)
    except Misshapen as refused:
        scope.problems.extend(refused.problems)
    else:
        if handler is not None:
            scope.on_failure.append(resolver.scope(handler, enclosing))
    return scope


@dataclass
class _Resolver:
    registry: Registry
    library: Library
    in_part: bool = False
    known: dict[tuple[str, str], Scope] = field(default_factory=dict)

    def scope(
        self,
        workflow: WorkflowDefinition,
        enclosing: tuple[str, ...],
        outer: Scope | None = None,
        container: str = "",
    ) -> Scope:
        """Return a scope with those of its bodies, and of the stored workflows that it runs."""
        workflow, problems = with_native_types(workflow, self.registry)
        found = {node.id: self.registry.get(node.type) for node in workflow.nodes}
        types = {name: kind for name, kind in found.items() if kind is not None}
        nodes = {node.id: _as_configured(node, types.get(node.id)) for node in workflow.nodes}
        configurations = {name: configure(nodes[name], kind) for name, kind in types.items()}
        scope = Scope(
            workflow, self.registry, nodes, types, configurations, enclosing, outer, container
        )
        scope.problems.extend(problems)
        # The bodies refer to the scope around them, so that one is there first.
        for name, kind in types.items():
            self._add_body(scope, nodes[name], kind)
            asked = kind.stored_workflow(nodes[name].config)
            if asked is not None:
                scope.stored[name] = self._stored(*asked, scope)
        return scope

    def _add_body(self, scope: Scope, node: NodeDefinition, kind: type[Node]) -> None:
        if kind.parts:
            written = next(each for each in scope.workflow.nodes if each.id == node.id)
            inside = parts_of(written, kind)
            if not inside.nodes:
                return
            scope.bodies[node.id] = self.scope(inside, scope.enclosing, scope, node.id)
            return
        raw = node.config.get(kind.body_field) if kind.body_field is not None else None
        if kind.body_field is None or not _is_body(raw, kind):
            return
        try:
            workflow = _reader(kind)(raw, node.config_at(kind.body_field), self.in_part)
        except Misshapen as refused:
            scope.problems.extend(refused.problems)
            return
        outer = None if kind.is_isolated else scope
        scope.bodies[node.id] = self.scope(workflow, scope.enclosing, outer, node.id)

    def _stored(self, id: str, version: str | None, user: Scope) -> StoredUse:
        """Return a stored workflow that a node runs; one that the node is in is refused."""
        if id in user.enclosing:
            path = " → ".join([*user.enclosing[user.enclosing.index(id) :], id])
            return _refused(id, "recursive-workflow", f"The workflow runs itself: {path}.")
        try:
            stored = self.library.get(id, version)
            if stored is None:
                what = f"{id[:60]!r}" if version is None else f"{id[:60]!r} in version {version}"
                return _refused(id, "unknown-workflow", f"There is no workflow {what}.")
            key = (stored.id, stored.version)
            if key not in self.known:
                enclosing = (*user.enclosing, stored.id)
                self.known[key] = self.scope(_definition_of(stored), enclosing)
        except DefinitionRefused as refused:
            message = f"The workflow {id!r} cannot run: {refused.diagnostics[0].message}"
            return _refused(id, "broken-workflow", message)
        return StoredUse(id, self.known[key])


def _as_configured(node: NodeDefinition, kind: type[Node] | None) -> NodeDefinition:
    """Return a node as its type reads it; a tool takes what its author left out from the call."""
    if kind is not None and kind.parts:
        node = without_options_of_parts(node)
    if not isinstance(node, ToolDefinition) or kind is None:
        return node
    return node.model_copy(update={"config": kind.as_tool(node.config)})


def _is_body(raw: Any, kind: type[Node]) -> bool:
    return isinstance(raw, list) and bool(raw) if kind.body_is_tools else isinstance(raw, dict)


def _reader(kind: type[Node]) -> Callable[[Any, Pointer, bool], WorkflowDefinition]:
    if kind.body_is_tools:
        return read_tools
    return read_workflow if kind.is_isolated else read_body


def _definition_of(stored: StoredDefinition) -> WorkflowDefinition:
    workflow = read_definition(stored.document)
    if workflow.samples:
        raise DefinitionRefused([not_a_workflow(stored.document)])
    return workflow


def _refused(id: str, code: str, message: str) -> StoredUse:
    return StoredUse(id, refusal=(code, message))
