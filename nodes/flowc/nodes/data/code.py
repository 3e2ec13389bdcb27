"""How does a workflow compute what no expression can?"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Context, Node, NodeError, Role
from flowc.nodes.data.signatures import parameters_in
from flowc.nodes.services.sandbox import CodeFailed, LimitReached, Sandboxes, SandboxLimits


class Code(Node):
    """Run Python in a sandbox: `def process(...)` gets the mapped inputs, its result is the output.

    There are no files, no network and no environment; JSON goes in and comes out. Code without a
    `process` leaves its output in a variable `result`, and finds its inputs in `inputs`.
    """

    type: ClassVar = "code"
    group: ClassVar = "data"
    is_pure: ClassVar = True

    code: Annotated[str, Role.RAW] = Field(min_length=1)
    language: Literal["python"] = "python"
    input_mapping: dict[str, Any] = Field(
        default_factory=dict, description="Value by parameter name of `process`."
    )
    engine: Literal["monty", "asteval"] = "monty"
    timeout: Annotated[Duration, Field(le=60)] = 2.0
    memory_mb: int = Field(default=256, ge=16, le=1024)

    @classmethod
    def as_tool(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        """Give `process` the arguments of a call."""
        return {"input_mapping": "{{arguments}}", **config}

    @classmethod
    def tool_parameters(cls, config: Mapping[str, Any]) -> Schema | None:
        """Return the parameters of `process`, where it is given the arguments of a call."""
        is_given = config.get("input_mapping") == "{{arguments}}"
        return parameters_in(str(config.get("code"))) if is_given else None

    async def run(self, context: Context) -> Any:
        """Run the code, and return its result."""
        engine = context.service(Sandboxes).get(self.engine)
        if engine is None:
            raise NodeError("no-sandbox", f"This host has no sandbox {self.engine!r}.")
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
