"""What the runs of a process share around a node's work: cache, limits, circuit breakers."""

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
