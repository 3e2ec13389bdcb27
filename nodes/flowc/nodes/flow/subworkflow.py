"""The node type `subworkflow`: runs another workflow."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from flowc.compiler.node import Context, Node, Role


class Subworkflow(Node):
    """Run another workflow with `input`. Its output is this node's output.

    `workflow` is the id of a stored workflow, or a whole definition. The sub-workflow reads only
    its `input`: it sees no nodes or variables of the workflow around it, and sets none of them.
    The node fails if a node of the sub-workflow fails, or if the input or output does not match the
    schemas that the sub-workflow declares.
    """

    type: ClassVar = "subworkflow"
    group: ClassVar = "flow"
    body_field: ClassVar = "workflow"
    is_isolated: ClassVar = True

    workflow: Annotated[dict[str, Any] | str, Role.RAW] = Field(
        description="The id of a stored workflow, or a definition."
    )
    version: Annotated[int | str | None, Role.RAW] = Field(
        default=None,
        description="Version of the stored workflow; by default the newest when the run starts.",
    )
    input: dict[str, Any] = Field(
        default_factory=dict, description="The input of the sub-workflow."
    )

    @classmethod
    def stored_workflow(cls, config: Mapping[str, Any]) -> tuple[str, str | None] | None:
        """Return the id and version of a stored workflow; None for a definition."""
        id, version = config.get("workflow"), config.get("version")
        if not isinstance(id, str):
            return None
        return id, None if version is None else str(version)

    @classmethod
    def fails_with_body(cls, config: Mapping[str, Any]) -> bool:
        """Return true."""
        return True

    @classmethod
    def as_tool(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        """Pass the arguments of a call as the input, unless the author sets one."""
        return {"input": "{{arguments}}", **config}

    async def run(self, context: Context) -> Any:
        """Run the workflow, and return its output."""
        result = await context.run_body("0", {"input": self.input}, {})
        return result.output
