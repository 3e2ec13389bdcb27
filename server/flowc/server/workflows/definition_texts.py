"""Works on the texts of definitions, for editors: checks them, draws them, and renames nodes."""

from collections.abc import Callable
from typing import Any

from flowc.compiler.analysis.renaming import CannotRename, rename_node
from flowc.compiler.analysis.scopes import Scope, resolve
from flowc.compiler.check import Examination, examine, readable_scope
from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.node.registry import Registry
from flowc.compiler.reading.dialects import read_definition
from flowc.compiler.reading.documents import Document, changed_text, read_text
from flowc.compiler.reading.large_values import dump_json
from flowc.compiler.reading.library import Library
from flowc.compiler.reports.graph_json import graph_as_json
from flowc.server.records.refused import Refused
from flowc.server.workflows.compiled import Workflows

ReadDocument = Callable[[], Document]


class RenameRefused(Refused):
    """The node cannot have this id in this text."""


async def examined(
    workflows: Workflows,
    read: ReadDocument,
    id: str | None,
    show: Callable[[Examination], str],
) -> str:
    """Return what `show` makes of a definition; it is read, checked and shown in a thread."""

    def work(registry: Registry, library: Library) -> str:
        try:
            document = read()
        except DefinitionRefused as refused:
            return show(Examination(None, refused.diagnostics))
        return show(examine(document, registry, library, id))

    return await workflows.compiler_work(work)


async def drawn(workflows: Workflows, read: ReadDocument, id: str | None) -> str:
    """Return the graph of a definition as JSON; it is read and drawn in a thread."""

    def work(registry: Registry, library: Library) -> str:
        document = read()
        scope = readable_scope(document, registry, library, id)
        empty: dict[str, Any] = {"entries": [], "nodes": [], "edges": []}
        return dump_json(graph_as_json(scope, document) if scope is not None else empty)

    return await workflows.compiler_work(work)


async def renamed(workflows: Workflows, text: str, format: str, path: str, new: str) -> str:
    """Return a text with another id of a node, and the changes, as JSON.

    The path is the id of the node, behind those of the nodes around it. Raises DefinitionRefused
    or RenameRefused.
    """

    def work(registry: Registry, library: Library) -> str:
        def read(source: str) -> Document:
            return read_text(source, format=format)

        def scope_of(document: Document) -> Scope:
            return resolve(read_definition(document), registry, library)

        try:
            changes = rename_node(read(text), path, new, scope_of, read)
        except CannotRename as problem:
            raise RenameRefused(str(problem)) from None
        shown = [change.as_json() for change in changes]
        return dump_json({"source": changed_text(text, changes), "changes": shown})

    return await workflows.compiler_work(work)
