"""The workflow language: from a stored definition to a LangGraph graph.

These names are the public API (`compiler/docs/public-api.md`). Each is imported on first use, so
that node types load without the compiler, and LangGraph only with `compile_workflow`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowc.compiler.check import check_workflow
    from flowc.compiler.compile import CompiledWorkflow, compile_workflow
    from flowc.compiler.definition import WorkflowDefinition
    from flowc.compiler.diagnostics import DefinitionRefused, Diagnostic, Place, render
    from flowc.compiler.node import Context, Node, NodeError, Outcome
    from flowc.compiler.node.adapted import node_type_of
    from flowc.compiler.node.interrupts import Answer, Ask, Interrupted
    from flowc.compiler.node.registry import Registry
    from flowc.compiler.reading.documents import Document, from_data, read_file, read_text
    from flowc.compiler.reading.library import Library, StoredDefinition
    from flowc.compiler.running.events import Event
    from flowc.compiler.running.run_context import NodeFailed, RunContext

_MODULES = {
    "check": ("check_workflow",),
    "compile": ("CompiledWorkflow", "compile_workflow"),
    "definition": ("WorkflowDefinition",),
    "diagnostics": ("DefinitionRefused", "Diagnostic", "Place", "render"),
    "node": ("Context", "Node", "NodeError", "Outcome"),
    "node.adapted": ("node_type_of",),
    "node.interrupts": ("Answer", "Ask", "Interrupted"),
    "node.registry": ("Registry",),
    "reading.documents": ("Document", "from_data", "read_file", "read_text"),
    "reading.library": ("Library", "StoredDefinition"),
    "running.events": ("Event",),
    "running.run_context": ("NodeFailed", "RunContext"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "Answer",
    "Ask",
    "CompiledWorkflow",
    "Context",
    "DefinitionRefused",
    "Diagnostic",
    "Document",
    "Event",
    "Interrupted",
    "Library",
    "Node",
    "NodeError",
    "NodeFailed",
    "Outcome",
    "Place",
    "Registry",
    "RunContext",
    "StoredDefinition",
    "WorkflowDefinition",
    "check_workflow",
    "compile_workflow",
    "from_data",
    "node_type_of",
    "read_file",
    "read_text",
    "render",
]


def __getattr__(name: str) -> Any:
    """Import a public name on its first use."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
