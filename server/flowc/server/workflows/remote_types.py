"""The node types of a tenant: those of the installed packages, and those that it registered."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from flowc.compiler.definition.short_schemas import BadSchema, Schema, to_json_schema
from flowc.compiler.node.registry import Registry
from flowc.compiler.planning.plan import Plan
from flowc.nodes.outside.remote import Remote, RemoteType, remote_node_type
from flowc.server.records.refused import Refused
from flowc.server.records.remote_types import NewRemoteType, RegisteredType
from flowc.server.store.remote_types import StoredRemoteTypes


class TypeExists(Refused):
    """An installed package has a node type of this name; choose another name."""


class TypeRefused(Refused):
    """A schema of the node type is not valid."""


class TenantTypes:
    """The node types that definitions of a tenant may use.

    Every process reads the registered ones when it compiles, so that it needs no restart.
    """

    def __init__(self, installed: Registry, stored: StoredRemoteTypes) -> None:
        self._installed, self.stored = installed, stored
        self._revisions: frozenset[tuple[str, int]] = frozenset()
        self._registry = installed

    async def registry(self) -> Registry:
        """Return all types, the installed ones first."""
        found = await self.stored.all()
        revisions = frozenset((each.name, each.revision) for each in found)
        if revisions != self._revisions:
            # A package that was installed later has the right to its words.
            free = [each for each in found if self._installed.get(each.name) is None]
            remote = [remote_node_type(_described(each)) for each in free]
            self._registry, self._revisions = Registry([*self._installed, *remote]), revisions
        return self._registry

    async def are_current(self, plan: Plan) -> bool:
        """Return whether the registered types that a workflow uses were not registered again."""
        if not self._revisions:
            # A process that knows of none has compiled no workflow with one.
            return True
        used = set(_revisions_in(plan))
        if not used:
            return True
        return used <= {(each.name, each.revision) for each in await self.stored.all()}

    async def register(self, new: NewRemoteType, by: str) -> RegisteredType:
        """Register a type, or register it again; raise TypeExists, TypeRefused or TooManyTypes."""
        if self._installed.get(new.name) is not None:
            raise TypeExists
        arguments, output = _sound("input", new.arguments), _sound("output", new.output)
        return await self.stored.register(replace(new, arguments=arguments, output=output), by)


def _sound(what: str, form: Any) -> Schema:
    try:
        return to_json_schema(form)
    except BadSchema as problem:
        raise TypeRefused(f"The {what} schema is not valid: {problem}") from None


def _described(registered: RegisteredType) -> RemoteType:
    return RemoteType(
        registered.name,
        registered.description,
        registered.url,
        registered.arguments,
        registered.output,
        registered.version,
        registered.revision,
    )


def _revisions_in(plan: Plan) -> Iterator[tuple[str, int]]:
    for node in plan.nodes.values():
        if issubclass(node.node_type, Remote):
            yield node.node_type.described.name, node.node_type.described.revision
        if node.body is not None:
            yield from _revisions_in(node.body)
