"""How does a workflow use another one?"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from flowc.compiler.node import Body, Context, Node, NodeError
from flowc.compiler.schemas import Schema, problems_of, to_json_schema


class Subworkflow(Node):
    """Run a workflow of its own, written out in `workflow`, on `input`; its output is the output.

    It reads nothing of the workflow round it but its input, and sets none of its variables.
    """

    type: ClassVar = "subworkflow"
    group: ClassVar = "flow"
    body_field: ClassVar = "workflow"
    is_isolated: ClassVar = True

    workflow: Body = Field(description="A definition, in the form of nodes and edges.")
    input: dict[str, Any] = Field(default_factory=dict, description="What the workflow is given.")

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema | None:
        """Return the output's schema as the inner workflow declares it."""
        inner = config.get("workflow")
        declared = inner.get("output") if isinstance(inner, dict) else None
        return to_json_schema(declared) if declared else None

    async def run(self, context: Context) -> Any:
        """Run the workflow."""
        self._require("input", self.input)
        result = await context.run_body("0", {"input": self.input}, {})
        self._require("output", result.output)
        return result.output

    def _require(self, what: str, value: Any) -> None:
        declared = self.workflow.get(what)
        problems = problems_of(value, to_json_schema(declared)) if declared else []
        if problems:
            path, sentence = problems[0]
            where = ".".join(map(str, path)) or what
            message = f"The {what} does not fit the sub-workflow: {where}: {sentence}."
            raise NodeError(f"{what}-does-not-fit", message)
