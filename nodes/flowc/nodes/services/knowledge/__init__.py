"""The documents that workflows read, search and bring in."""

from flowc.nodes.services.knowledge.knowledge import Knowledge
from flowc.nodes.services.knowledge.problems import told
from flowc.nodes.services.knowledge.sources import Sources

__all__ = ["Knowledge", "Sources", "told"]
