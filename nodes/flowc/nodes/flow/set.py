"""The node type `set`: variables of a workflow."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from flowc.compiler.node import Context, Node, Outcome


class Set(Node):
    """Set variables. Later nodes read them as {{variables.name}}.

    Setting a variable again replaces its value. The output has the values by variable name.
    """

    type: ClassVar = "set"
    group: ClassVar = "flow"
    passes_data_on: ClassVar = True
    sets_variables: ClassVar = True

    variables: dict[str, Any] = Field(
        min_length=1, description="The value of each variable, by name."
    )

    @classmethod
    def writes(cls, config: Mapping[str, Any]) -> frozenset[str]:
        """Return the names of the variables."""
        given = config.get("variables")
        return frozenset(given) if isinstance(given, dict) else frozenset()

    async def run(self, context: Context) -> Outcome:
        """Set the variables, and return their values by name."""
        return Outcome(dict(self.variables), variables=self.variables)
