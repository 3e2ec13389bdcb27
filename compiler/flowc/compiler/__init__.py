"""The language: from a stored definition to a LangGraph graph.

`compile_workflow` and `CompiledWorkflow` bring LangGraph in; nothing else here does.
"""

from typing import TYPE_CHECKING, Any

from flowc.compiler.check import check_workflow
from flowc.compiler.definition import WorkflowDefinition
from flowc.compiler.diagnostics import DefinitionRefused, Diagnostic, render
from flowc.compiler.documents import Document, from_data, read_file, read_text
from flowc.compiler.node import Context, Node, NodeError, Outcome
from flowc.compiler.registry import Registry

if TYPE_CHECKING:
    from flowc.compiler.compile import CompiledWorkflow, compile_workflow

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
    """Import the graph builder when somebody builds a graph: it takes LangGraph along."""
    if name in {"CompiledWorkflow", "compile_workflow"}:
        from flowc.compiler import compile as builder  # noqa: PLC0415 - see above

        return getattr(builder, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
