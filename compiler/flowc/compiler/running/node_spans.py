"""Spans: what a host that traces runs notes of the work of nodes, and of their attempts."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from flowc.compiler.node import Outcome

if TYPE_CHECKING:
    from flowc.compiler.planning.plan import PlannedNode

Attempt = Callable[[], Awaitable[Outcome]]


class NodeTracer(Protocol):
    """Begins the spans of a run; how nodes ended is in their events."""

    def node(
        self, node: "PlannedNode", path: str, names: Mapping[str, Any]
    ) -> AbstractContextManager[None]:
        """Return the span in which a node does its work; bodies and calls are within it.

        `path` is its place in bodies, and `names` are what it reads of these.
        """
        ...

    def attempts(self, attempt: Attempt) -> Callable[[], Coroutine[Any, Any, Outcome]]:
        """Return an attempt that has a span of its own each time it is made."""
        ...


def traced_attempt(tracer: NodeTracer | None, attempt: Attempt) -> Attempt:
    """Return an attempt as it is, or traced if there is a tracer."""
    return attempt if tracer is None else tracer.attempts(attempt)
