"""What does a run say while it runs?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "node.started", "node.retrying", "node.completed", "node.failed", "node.skipped", "node.said"
]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a node of a run; `data` is plain JSON without secrets.

    `path` says in which turn of which loop, or for which item of which map, it happened.
    """

    kind: Kind
    node_id: str
    data: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""


Emit = Callable[[Event], None]
