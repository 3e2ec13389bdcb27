"""The interface of all sandboxes, and the limits that they share."""

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
    """The code failed; the message names the error and, if known, the line.

    `stdout` is what the code printed before.
    """

    def __init__(self, message: str, stdout: str = "") -> None:
        self.stdout = stdout
        super().__init__(message)


class LimitReached(CodeFailed):
    """The code needs more time or memory than it is allowed."""


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """What one run of code may use: seconds of work, bytes of memory."""

    seconds: float = 2.0
    memory: int = 256 << 20


@dataclass(frozen=True, slots=True)
class CodeResult:
    """The result of code, plain JSON, and what it printed."""

    value: Any
    stdout: str


class Engine(Protocol):
    """One sandbox.

    The result is that of `process(**inputs)`, or of another function (see `called_in`); in code
    without one, the value of the variable `result`.
    """

    name: str

    async def run(self, code: str, inputs: Mapping[str, Any], limits: SandboxLimits) -> CodeResult:
        """Run code once, with no state of earlier runs; raise CodeFailed."""
        ...

    async def isolation(self) -> IsolationLevel:
        """Try to break out, and return how far that is prevented.

        `full`: the operating system prevents it; `partial`: it prevents a part, or the interpreter
        alone does; `none`: code can read files, or the sandbox does not work.
        """
        ...

    async def aclose(self) -> None:
        """End the sandbox's processes."""
        ...


class Sandboxes:
    """The sandboxes of a host, by name; each starts when it is first used."""

    def __init__(self, engines: tuple[Engine, ...]) -> None:
        self._engines = {engine.name: engine for engine in engines}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the sandboxes."""
        return tuple(self._engines)

    def get(self, name: str) -> Engine | None:
        """Return the sandbox with this name; None if there is none."""
        return self._engines.get(name)

    async def isolation(self) -> dict[str, IsolationLevel]:
        """Test each sandbox, and return its isolation by name."""
        return {name: await engine.isolation() for name, engine in self._engines.items()}

    async def aclose(self) -> None:
        """End all processes."""
        for engine in self._engines.values():
            await engine.aclose()


def require_short(code: str) -> None:
    """Raise CodeFailed for code that is too long."""
    if len(code) > MAX_CODE:
        raise CodeFailed(f"The code has more than {MAX_CODE:,} characters.")


def syntax_problem(problem: SyntaxError) -> str:
    """Return what is wrong with a code that cannot be read, and its line."""
    line = f" (line {problem.lineno})" if problem.lineno else ""
    return f"{problem.msg}{line}"


def value_of(text: str) -> Any:
    """Return the value that a sandbox wrote as JSON; raise CodeFailed if it is not plain JSON.

    >>> value_of('{"total": 3}')
    {'total': 3}
    """
    if len(text) > MAX_RESULT:
        raise LimitReached(f"The result is larger than {MAX_RESULT:,} bytes.")
    try:
        value = json.loads(text)
        require_plain(value)
    except NotPlain as problem:
        raise CodeFailed(f"The result cannot be stored: {problem}") from None
    except (ValueError, RecursionError):
        raise CodeFailed("The result is not plain JSON.") from None
    return value
