"""What does a run say while it runs?"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

Kind = Literal[
    "node.started",
    "node.retrying",
    "node.waiting",
    "node.completed",
    "node.failed",
    "node.skipped",
    "node.said",
]


class Event(NamedTuple):
    """One thing that happened to a node of a run; `data` is plain JSON without secrets.

    `path` says in which turn of which loop, or for which item of which map, it happened.
    """

    kind: Kind
    node_id: str
    data: Mapping[str, Any] = MappingProxyType({})
    path: str = ""


def name_of(path: str, node_id: str) -> str:
    """Return the name a node has in a run's record: in a body, `container.node`."""
    containers = [part.split("#")[0] for part in path.split("/") if "#" in part]
    return ".".join([*containers, node_id])


Emit = Callable[[Event], None]
