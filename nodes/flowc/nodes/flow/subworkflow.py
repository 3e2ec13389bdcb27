"""How does a workflow use another one?"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from flowc.compiler.node import Context, Node, Role


class Subworkflow(Node):
    """Run another workflow on `input`; its output is the output.

    `workflow` is the id of a stored one, in the `version` given or the newest when the run begins;
    or a definition, written out. It reads nothing of the workflow round it but its input, and sets
    none of its variables. Its input and output are held to the schemas that it declares.
    """

    type: ClassVar = "subworkflow"
    group: ClassVar = "flow"
    body_field: ClassVar = "workflow"
    is_isolated: ClassVar = True

    workflow: Annotated[dict[str, Any] | str, Role.RAW] = Field(
        description="A stored workflow's id, or a definition."
    )
    version: Annotated[int | str | None, Role.RAW] = Field(
        default=None, description="The version of the stored workflow; the newest if left out."
    )
    input: dict[str, Any] = Field(default_factory=dict, description="What the workflow is given.")

    @classmethod
    def stored_workflow(cls, config: Mapping[str, Any]) -> tuple[str, str | None] | None:
        """Return the workflow's id and version, unless it is written out."""
        id, version = config.get("workflow"), config.get("version")
        if not isinstance(id, str):
            return None
        return id, None if version is None else str(version)

    @classmethod
    def as_tool(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        """Give the workflow the arguments of a call as its input."""
        return {"input": "{{arguments}}", **config}

    async def run(self, context: Context) -> Any:
        """Run the workflow."""
        result = await context.run_body("0", {"input": self.input}, {})
        return result.output
