"""The node type `code`: runs Python in a sandbox."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Context, Node, NodeError, Role, wrong_value
from flowc.nodes.data.code_problems import (
    engine_of,
    mapping_problem,
    problem_of,
)
from flowc.nodes.data.signatures import parameters_in
from flowc.nodes.services.sandbox import CodeFailed, LimitReached, Sandboxes, SandboxLimits


class Code(Node):
    """Run Python in a sandbox. The output is the value that its function returns.

    The function `process` is called with the values of `input_mapping` as keyword arguments; if
    there is none, `main`, or the only function there is. It can be an `async def`. Code that
    assigns to `result` instead reads the values from the dictionary `inputs`. Inputs and output are
    plain JSON. The code has no files, no network and no environment variables.

    What the code prints is emitted as an event, and shown by `flowc run -v`. The node fails with
    `code-failed` if the code raises an error, and with `code-limit` if it needs more time or memory
    than allowed. A generator does all its work when it is called, so it must end.

    Code can import, in both sandboxes: `asyncio`, `base64`, `binascii`, `bisect`, `collections`,
    `copy`, `csv`, `datetime`, `decimal`, `difflib`, `enum`, `functools`, `hashlib`, `heapq`,
    `html`, `io`, `itertools`, `json`, `math`, `operator`, `random`, `re`, `statistics`, `string`,
    `textwrap`, `time`, `typing`, `unicodedata`, `urllib`, `urllib.parse`, `uuid`. Only in `monty`:
    `dataclasses`, `os`, `pathlib`, `sys`. Only in `asteval`: `zoneinfo`.
    """

    type: ClassVar = "code"
    group: ClassVar = "data"
    is_pure: ClassVar = True

    language: Literal["python"] = Field(default="python", description="The language.")
    engine: Literal["monty", "asteval"] | None = Field(
        default=None,
        description="The sandbox: `monty`, an interpreter of its own; `asteval`, CPython in a"
        " locked process. By default `monty`, and `asteval` for code that only it can run.",
    )
    code: Annotated[str, Role.RAW] = Field(
        min_length=1, description="The Python code; {{...}} is not filled in."
    )
    input_mapping: dict[str, Any] = Field(
        default_factory=dict,
        validate_default=True,
        description="The value of each parameter of the function, by name.",
    )
    timeout: Annotated[Duration, Field(le=60)] = Field(
        default=2.0, description="Longest time that the code may run, up to 60s."
    )
    memory_mb: int = Field(default=256, ge=16, le=1024, description="Most memory, in MiB.")

    @field_validator("code")
    @classmethod
    def _can_run(cls, code: str, given: ValidationInfo) -> str:
        problem = problem_of(code, given.data.get("engine") or engine_of(code))
        if problem is not None:
            raise wrong_value(*problem)
        return code

    @field_validator("input_mapping")
    @classmethod
    def _fits(cls, mapping: dict[str, Any], given: ValidationInfo) -> dict[str, Any]:
        problem = mapping_problem(given.data["code"], mapping) if "code" in given.data else None
        if problem is not None:
            raise wrong_value(*problem)
        return mapping

    @classmethod
    def as_tool(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        """Pass the arguments of a call to the function, unless the author maps inputs."""
        return {"input_mapping": "{{arguments}}", **config}

    @classmethod
    def tool_parameters(cls, config: Mapping[str, Any]) -> Schema | None:
        """Return the parameters of the function, if it takes the arguments of a call."""
        is_given = config.get("input_mapping") == "{{arguments}}"
        return parameters_in(str(config.get("code"))) if is_given else None

    async def run(self, context: Context) -> Any:
        """Run the code, and return its result."""
        name = self.engine or engine_of(self.code)
        engine = context.service(Sandboxes).get(name)
        if engine is None:
            raise NodeError("no-sandbox", f"The sandbox {name!r} is not available here.")
        limits = SandboxLimits(self.timeout, self.memory_mb << 20)
        try:
            result = await engine.run(self.code, self.input_mapping, limits)
        except CodeFailed as problem:
            _show(context, problem.stdout)
            code = "code-limit" if isinstance(problem, LimitReached) else "code-failed"
            raise NodeError(code, str(problem)) from None
        _show(context, result.stdout)
        return result.value


def _show(context: Context, printed: str) -> None:
    if printed:
        context.emit("stdout", printed)
