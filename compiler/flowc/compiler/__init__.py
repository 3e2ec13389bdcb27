"""The language: from a stored definition to a LangGraph graph.

Everything is imported when it is first asked for: node types alone need no compiler, and only
`compile_workflow` and `CompiledWorkflow` bring LangGraph in.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowc.compiler.check import check_workflow
    from flowc.compiler.compile import CompiledWorkflow, compile_workflow
    from flowc.compiler.definition import WorkflowDefinition
    from flowc.compiler.diagnostics import DefinitionRefused, Diagnostic, render
    from flowc.compiler.node import Context, Node, NodeError, Outcome
    from flowc.compiler.node.registry import Registry
    from flowc.compiler.reading.documents import Document, from_data, read_file, read_text

_MODULES = {
    "check": ("check_workflow",),
    "compile": ("CompiledWorkflow", "compile_workflow"),
    "definition": ("WorkflowDefinition",),
    "diagnostics": ("DefinitionRefused", "Diagnostic", "render"),
    "reading.documents": ("Document", "from_data", "read_file", "read_text"),
    "node": ("Context", "Node", "NodeError", "Outcome"),
    "node.registry": ("Registry",),
}
_WHERE = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "CompiledWorkflow",
    "Context",
    "DefinitionRefused",
    "Diagnostic",
    "Document",
    "Node",
    "NodeError",
    "Outcome",
    "Registry",
    "WorkflowDefinition",
    "check_workflow",
    "compile_workflow",
    "from_data",
    "read_file",
    "read_text",
    "render",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
