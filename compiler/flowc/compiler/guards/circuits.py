"""Circuit breakers: stop calling a service that is down, and let one call probe it later.

The libraries for this (purgatory, circuitbreaker) let every caller through once the pause is over;
one is enough to find out, so this is our own.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from flowc.compiler.node import NodeError

# Failures that mean the service is down; a refused request or a rate limit does not mean that.
FAULTS = frozenset({"timeout", "connection", "server-error"})
MAX_TARGETS = 10_000


@dataclass
class _Circuit:
    failures: int = 0
    opened_at: float | None = None
    is_probed: bool = False


@dataclass
class Circuits:
    """A circuit for each target; it opens after `threshold` failures in a row.

    While a circuit is open, calls fail at once. After `pause` seconds, one call at a time is let
    through; if it succeeds, the circuit closes.
    """

    threshold: int = 5
    pause: float = 30.0
    _circuits: dict[str, _Circuit] = field(default_factory=dict)

    async def through(self, target: str, shown: str, call: Callable[[], Awaitable[Any]]) -> Any:
        """Make a call and record how it went; raise NodeError if the circuit is open.

        `shown` is the name of the target in that error.
        """
        probe = self._probe(target, shown)
        try:
            result = await call()
        except NodeError as problem:
            if problem.kind in FAULTS:
                self._fail(target)
            elif problem.kind != "rate-limit":
                self._circuits.pop(target, None)
            raise
        else:
            self._circuits.pop(target, None)
            return result
        finally:
            if probe is not None:
                probe.is_probed = False

    def _probe(self, target: str, shown: str) -> _Circuit | None:
        """Return the circuit if this call probes it; raise NodeError if the circuit is open."""
        circuit = self._circuits.get(target)
        if circuit is None or circuit.opened_at is None:
            return None
        left = circuit.opened_at + self.pause - monotonic()
        if left > 0 or circuit.is_probed:
            wait = max(left, 1.0)
            message = f"{shown} has failed repeatedly; calls resume in {wait:.0f} s."
            raise NodeError("circuit-open", message, kind="connection", retry_after=wait)
        circuit.is_probed = True
        return circuit

    def _fail(self, target: str) -> None:
        # Targets come from workflows, so their number needs a limit; the oldest one goes.
        if target not in self._circuits and len(self._circuits) >= MAX_TARGETS:
            self._circuits.pop(next(iter(self._circuits)))
        circuit = self._circuits.setdefault(target, _Circuit())
        circuit.failures += 1
        if circuit.failures >= self.threshold:
            circuit.opened_at = monotonic()
