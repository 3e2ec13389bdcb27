"""The base class of node types."""

import builtins
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node.context import Context
from flowc.compiler.node.effects import Effects
from flowc.compiler.node.outcome import Json, Outcome


class Node(BaseModel):
    """A node type: its fields are its configuration, and `run` does its work.

    Text in a field is a template unless the field has a Role; `run` sees the computed values. The
    class variables say what the compiler needs to know before the run:

    - `type` is the word for it in definitions, `also` are other words for the same type, and
      `group` is the heading under which `flowc nodes` lists it.
    - `body_field` names the field that holds nodes and edges of the node's own. `run` has them run
      with `context.run_body(key, names, variables)`: `key` distinguishes this run of the body from
      others, and `names` are the values of `body_names`. The body reads what the node can read,
      unless the type `is_isolated`: then it reads its `input` alone. If `body_is_tools`, one
      node of the body runs per call, and `body_choice` names a field that can hold one's id.
    - `parts` are several bodies, each under the name of its field, with the type that runs it (a
      BodyPart). `run` has one of them run with `context.run_body(…, only=part_id(field))`. The
      options `retry` and `timeout` of the node are those of the first part.
    - `formula_names` are the names that the node adds when it evaluates a Formula.
    - `is_entry` and `is_exit` mark where a run begins and ends.
    - `passes_data_on` marks a type that the data flows through: the nodes after it receive the
      output of the nodes before it.
    - `sets_variables` allows the type to return variables, also those that `writes` cannot name.
    - `is_pure` marks a type with no effect other than its output or branch, so that an unused
      output is worth a warning.
    - `extra` is the extra of flowc with the packages that the type needs.
    - `asks` marks a type that waits for an answer or for time to pass; `remembers` marks one that
      uses `context.once`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: ClassVar[str]
    also: ClassVar[tuple[str, ...]] = ()
    group: ClassVar[str] = "other"
    body_field: ClassVar[str | None] = None
    body_names: ClassVar[frozenset[str]] = frozenset()
    is_isolated: ClassVar[bool] = False
    body_is_tools: ClassVar[bool] = False
    body_choice: ClassVar[str | None] = None
    parts: ClassVar[Mapping[str, builtins.type["Node"]]] = MappingProxyType({})
    is_part: ClassVar[bool] = False
    formula_names: ClassVar[frozenset[str]] = frozenset()
    is_entry: ClassVar[bool] = False
    is_exit: ClassVar[bool] = False
    passes_data_on: ClassVar[bool] = False
    sets_variables: ClassVar[bool] = False
    is_pure: ClassVar[bool] = False
    extra: ClassVar[str | None] = None
    asks: ClassVar[bool] = False
    remembers: ClassVar[bool] = False

    @classmethod
    def branches(cls, config: Mapping[str, Json]) -> Mapping[str, str | None] | None:
        """Return the branches of this configuration, each with the id of its target if it has one.

        None means that the type does not branch.
        """
        return None

    @classmethod
    def branch_path(cls, branch: str) -> tuple[str | int, ...]:
        """Return where the configuration names a branch's target."""
        return ()

    @classmethod
    def branches_taken(
        cls, config: Mapping[str, Json], field: str, values: Sequence[Json]
    ) -> frozenset[str] | None:
        """Return the branches that are taken for some values of a field; None if it may be any.

        `values` are all that the field can have, as far as schemas show it.
        """
        return None

    @classmethod
    def describe_output(cls, config: Mapping[str, Json]) -> Schema | None:
        """Return the JSON Schema of the output, or None if it can be anything."""
        return None

    @classmethod
    def output_fields(cls, config: Mapping[str, Json], incoming: frozenset[str]) -> frozenset[str]:
        """Return names of fields that the output surely has, if the incoming data has these."""
        properties = (cls.describe_output(config) or {}).get("properties", {})
        return frozenset(properties)

    @classmethod
    def stored_workflow(cls, config: Mapping[str, Json]) -> tuple[str, str | None] | None:
        """Return the id and version of the stored workflow that the node runs instead of a body.

        A version of None means the newest one.
        """
        return None

    @classmethod
    def effects(cls, config: Mapping[str, Json]) -> Effects:
        """Return what a node with this configuration needs and can touch."""
        return Effects()

    @classmethod
    def fails_with_body(cls, config: Mapping[str, Json]) -> bool:
        """Return whether the node surely fails if a run of its body fails."""
        return False

    @classmethod
    def may_ask(cls, config: Mapping[str, Json]) -> bool:
        """Return whether a node with this configuration waits for an answer or for time to pass."""
        return cls.asks

    @classmethod
    def body_runs(cls, config: Mapping[str, Json]) -> tuple[int, int | None]:
        """Return the fewest and the most times that the body runs; None means no limit."""
        return 1, 1

    @classmethod
    def writes(cls, config: Mapping[str, Json]) -> frozenset[str]:
        """Return the names of the variables that a node with this configuration sets."""
        return frozenset()

    @classmethod
    def with_inferred(
        cls, config: Mapping[str, Json], properties: Mapping[str, Schema]
    ) -> dict[str, Json] | None:
        """Return the configuration completed so that the output has these properties.

        None means that the type cannot promise them, or that its output is declared already.
        """
        return None

    @classmethod
    def as_tool(cls, config: Mapping[str, Json]) -> dict[str, Json]:
        """Return the configuration as a tool: fields the author left out read the call's arguments.

        For example, a template for a field that is filled from `{{arguments.query}}`.
        """
        return dict(config)

    @classmethod
    def tool_parameters(cls, config: Mapping[str, Json]) -> Schema | None:
        """Return the JSON Schema of a call's arguments, if the configuration determines it."""
        return None

    @classmethod
    def tool_description(cls, config: Mapping[str, Json]) -> str | None:
        """Return what a tool with this configuration does, if the configuration says so."""
        return None

    @classmethod
    def shown_to_model(cls, output: Json) -> Json:
        """Return what a model sees of the output of a tool of this type."""
        return output

    @classmethod
    def is_toolbox(cls, config: Mapping[str, Json]) -> bool:
        """Return whether the node, as a tool, offers several.

        If it does, a call that names none of them returns the list, as `tools`.
        """
        return False

    async def run(self, context: Context) -> Json | Outcome:
        """Do the work; return plain JSON, or an Outcome."""
        raise NotImplementedError
