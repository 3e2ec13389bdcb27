"""Gives workflows access to documents: reading, searching and ingesting them."""

from flowc.nodes.services.knowledge.knowledge import Knowledge
from flowc.nodes.services.knowledge.problems import as_node_errors
from flowc.nodes.services.knowledge.sources import Sources

__all__ = ["Knowledge", "Sources", "as_node_errors"]
