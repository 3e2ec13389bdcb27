"""Sandboxes for code: it runs in other processes, with JSON as its input and output."""

from flowc.nodes.services.sandbox.engine import (
    CodeFailed,
    CodeResult,
    Engine,
    LimitReached,
    Sandboxes,
    SandboxLimits,
)

__all__ = ["CodeFailed", "CodeResult", "Engine", "LimitReached", "SandboxLimits", "Sandboxes"]
