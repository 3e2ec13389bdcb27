"""The node type `template`: a text with values filled in."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.expressions.values import as_text
from flowc.compiler.node import Context, Node


class Template(Node):
    """Fill values into a text. The output has the `text`."""

    type: ClassVar = "template"
    group: ClassVar = "data"
    is_pure: ClassVar = True

    template: Any = Field(
        description="The text, with expressions in {{...}} and statements in {% ... %}."
    )

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of `text`."""
        return {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}

    @classmethod
    def shown_to_model(cls, output: Any) -> Any:
        """Return the text."""
        return output["text"]

    async def run(self, context: Context) -> dict[str, str]:
        """Return the text; a single value that is not text is written as text."""
        return {"text": as_text(self.template)}
