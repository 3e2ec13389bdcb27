"""The node type `code`: runs Python in a sandbox."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Context, Node, NodeError, Role
from flowc.nodes.data.signatures import parameters_in
from flowc.nodes.services.sandbox import CodeFailed, LimitReached, Sandboxes, SandboxLimits


class Code(Node):
    """Run Python in a sandbox. The output is the value that `process` returns.

    `def process(...)` is called with the values of `input_mapping` as keyword arguments. Code
    without such a function reads them from the dictionary `inputs`, and assigns its output to
    `result`. Inputs and output are plain JSON. The code has no files, no network and no environment
    variables.

    What the code prints is emitted as an event. The node fails with `code-failed` if the code
    raises an error, and with `code-limit` if it needs more time or memory than allowed.
    """

    type: ClassVar = "code"
    group: ClassVar = "data"
    is_pure: ClassVar = True

    code: Annotated[str, Role.RAW] = Field(
        min_length=1, description="The Python code; {{...}} is not filled in."
    )
    language: Literal["python"] = Field(default="python", description="The language.")
    input_mapping: dict[str, Any] = Field(
        default_factory=dict, description="The value of each parameter of `process`, by name."
    )
    engine: Literal["monty", "asteval"] = Field(
        default="monty",
        description="The sandbox: `monty`, an interpreter of its own; `asteval`, CPython in a"
        " locked process.",
    )
    timeout: Annotated[Duration, Field(le=60)] = Field(
        default=2.0, description="Longest time that the code may run, up to 60s."
    )
    memory_mb: int = Field(default=256, ge=16, le=1024, description="Most memory, in MiB.")

    @classmethod
    def as_tool(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        """Pass the arguments of a call to `process`, unless the author maps inputs."""
        return {"input_mapping": "{{arguments}}", **config}

    @classmethod
    def tool_parameters(cls, config: Mapping[str, Any]) -> Schema | None:
        """Return the parameters of `process`, if it takes the arguments of a call."""
        is_given = config.get("input_mapping") == "{{arguments}}"
        return parameters_in(str(config.get("code"))) if is_given else None

    async def run(self, context: Context) -> Any:
        """Run the code, and return its result."""
        engine = context.service(Sandboxes).get(self.engine)
        if engine is None:
            raise NodeError("no-sandbox", f"The sandbox {self.engine!r} is not available here.")
        limits = SandboxLimits(self.timeout, self.memory_mb << 20)
        try:
            result = await engine.run(self.code, self.input_mapping, limits)
        except LimitReached as problem:
            raise NodeError("code-limit", str(problem)) from None
        except CodeFailed as problem:
            raise NodeError("code-failed", str(problem)) from None
        if result.stdout:
            context.emit("stdout", result.stdout)
        return result.value
