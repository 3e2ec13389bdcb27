"""Where foreign code runs: never in this process, and with JSON as the only way in and out."""

from flowc.nodes.services.sandbox.engine import (
    CodeFailed,
    CodeResult,
    Engine,
    LimitReached,
    Sandboxes,
    SandboxLimits,
)

__all__ = ["CodeFailed", "CodeResult", "Engine", "LimitReached", "SandboxLimits", "Sandboxes"]
