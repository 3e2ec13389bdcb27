"""What stands round a node's work: a cache, limits to how many work at once, circuits that break.

All of it belongs to a process, not to a run; `Guards` is what the runs of a process share.
"""

from dataclasses import dataclass, field

from flowc.compiler.guards.cache import MemoryCache, NodeCache
from flowc.compiler.guards.circuits import Circuits
from flowc.compiler.guards.limits import Limit, Limits

__all__ = ["Circuits", "Guards", "Limit", "Limits", "MemoryCache", "NodeCache"]


@dataclass(frozen=True)
class Guards:
    """The guards that the runs of one process share."""

    cache: NodeCache = field(default_factory=MemoryCache)
    limits: Limits = field(default_factory=Limits)
    circuits: Circuits = field(default_factory=Circuits)
