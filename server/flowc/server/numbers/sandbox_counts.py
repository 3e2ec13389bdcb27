"""Counts what runs in the sandboxes."""

from collections.abc import Mapping
from typing import Any

from flowc.nodes.services.sandbox import (
    CodeFailed,
    CodeResult,
    Engine,
    LimitReached,
    SandboxLimits,
)
from flowc.nodes.services.sandbox.engine import IsolationLevel
from flowc.server.numbers.metrics import Metrics


class CountedEngine:
    """A sandbox whose runs are counted."""

    def __init__(self, engine: Engine, metrics: Metrics) -> None:
        self._engine, self._runs, self.name = engine, metrics.sandbox_runs, engine.name

    async def run(self, code: str, inputs: Mapping[str, Any], limits: SandboxLimits) -> CodeResult:
        """Run code once; raise CodeFailed."""
        outcome = "broken"
        try:
            result = await self._engine.run(code, inputs, limits)
            outcome = "ok"
            return result
        except LimitReached:
            outcome = "limit"
            raise
        except CodeFailed:
            outcome = "failed"
            raise
        finally:
            self._runs.labels(self.name, outcome).inc()

    async def isolation(self) -> IsolationLevel:
        """Test the sandbox's isolation."""
        return await self._engine.isolation()

    async def aclose(self) -> None:
        """End the sandbox's processes."""
        await self._engine.aclose()
