"""What does every sandbox promise?"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from flowc.compiler.reading.plain_json import NotPlain, require_plain

IsolationLevel = Literal["full", "partial", "none"]

MAX_CODE = 20_000
MAX_RESULT = 1 << 20
MAX_STDOUT = 64_000


class CodeFailed(Exception):
    """Whoever runs code that ends in an error meets this; the message tells its author why."""


class LimitReached(CodeFailed):
    """Whoever runs code that needs more time or memory than it may have meets this."""


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """What one run of code may use: seconds of work, bytes of memory."""

    seconds: float = 2.0
    memory: int = 256 << 20


@dataclass(frozen=True, slots=True)
class CodeResult:
    """What code gave back, plain JSON, and what it printed."""

    value: Any
    stdout: str


class Engine(Protocol):
    """One sandbox. `process(**inputs)` is called if the code defines it; else `result` counts."""

    name: str

    async def run(self, code: str, inputs: Mapping[str, Any], limits: SandboxLimits) -> CodeResult:
        """Run code once, from nothing; raise CodeFailed."""
        ...

    async def isolation(self) -> IsolationLevel:
        """Try what must not be possible, and say how far it is prevented."""
        ...

    async def aclose(self) -> None:
        """End the sandbox's processes."""
        ...


class Sandboxes:
    """The sandboxes of this host, by name; each starts when it is first used."""

    def __init__(self, engines: tuple[Engine, ...]) -> None:
        self._engines = {engine.name: engine for engine in engines}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the sandboxes."""
        return tuple(self._engines)

    def get(self, name: str) -> Engine | None:
        """Return the sandbox of this name."""
        return self._engines.get(name)

    async def isolation(self) -> dict[str, IsolationLevel]:
        """Return how well each sandbox keeps code in, as tried just now."""
        return {name: await engine.isolation() for name, engine in self._engines.items()}

    async def aclose(self) -> None:
        """End all processes."""
        for engine in self._engines.values():
            await engine.aclose()


def require_short(code: str) -> None:
    """Raise CodeFailed for code that is too long."""
    if len(code) > MAX_CODE:
        raise CodeFailed(f"The code has more than {MAX_CODE:,} characters.")


def value_of(text: str) -> Any:
    """Return the value that a sandbox wrote as JSON; raise CodeFailed if it is no plain value."""
    if len(text) > MAX_RESULT:
        raise LimitReached(f"The result is larger than {MAX_RESULT:,} bytes.")
    try:
        value = json.loads(text)
        require_plain(value)
    except NotPlain as problem:
        raise CodeFailed(f"The result cannot be kept: {problem}") from None
    except (ValueError, RecursionError):
        raise CodeFailed("The result is not plain JSON.") from None
    return value
