"""Gives workflows access to documents: reading, searching and ingesting them.

Each name is imported on its first use, so that node types load without the documents' library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowc.nodes.services.knowledge.knowledge import Knowledge
    from flowc.nodes.services.knowledge.problems import as_node_errors
    from flowc.nodes.services.knowledge.sources import Sources

_MODULE_OF = {"Knowledge": "knowledge", "as_node_errors": "problems", "Sources": "sources"}

__all__ = ["Knowledge", "Sources", "as_node_errors"]


def __getattr__(name: str) -> Any:
    """Import a public name on its first use."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
