"""A whole workflow definition."""

import hashlib
import json
from typing import Any

from pydantic import Field, PrivateAttr

from flowc.compiler.definition.chats import ChatStart
from flowc.compiler.definition.environment_values import EnvironmentValues
from flowc.compiler.definition.nodes import EdgeDefinition, Nodes
from flowc.compiler.definition.parts import InputForm, JsonSchema, Part
from flowc.compiler.definition.settings import WorkflowSettings
from flowc.compiler.diagnostics import Pointer


class WorkflowHeader(Part):
    """Everything in a workflow other than its nodes, in both forms of a definition."""

    id: str | None = Field(
        default=None, description="The name by which other workflows and the API refer to it."
    )
    name: str | None = Field(default=None, description="A title for people.")
    description: str | None = Field(default=None, description="What the workflow does.")
    version: str | int | None = Field(default=None, description="A label of your own.")
    input: InputForm | None = Field(
        default=None,
        description="Schema of the input, its short form {message: string}, or a form:"
        " [{name: message, type: paragraph, title: Your message, default: Hello}].",
    )
    output: JsonSchema | None = Field(
        default=None, description="Schema of the output, or its short form: {answer: string}."
    )
    variables: dict[str, Any] = Field(
        default_factory=dict,
        description="Variables with their initial values, or declared as {scope, type, default}:"
        " `scope` is `run`, `thread`, `workflow` or `user`.",
    )
    env: EnvironmentValues = Field(
        default_factory=dict,
        description="Values that the operator can set for an environment, with defaults; read as"
        " {{env.NAME}}. They are no secrets.",
    )
    chat: ChatStart | None = Field(
        default=None,
        description="What clients show where a chat begins: {opening, suggested_questions}.",
    )
    settings: WorkflowSettings = Field(
        default=WorkflowSettings(), description="Limits, budgets and defaults for a run."
    )
    on_failure: dict[str, Any] | str | None = Field(
        default=None,
        description="What runs when a run has failed; it reads `error`, `input`, `variables` and"
        " `run`. The id of a stored workflow, {workflow: id, input: {…}}, a node, or a body with"
        " `nodes` or `steps`. The run has failed in any case.",
    )
    metadata: dict[str, Any] = Field(
        default_factory=dict, description="Any JSON of your own; runs ignore it."
    )


class BodyDefinition(Part):
    """The nodes and edges that run inside a node."""

    nodes: Nodes
    edges: tuple[EdgeDefinition, ...] = ()


class WorkflowDefinition(WorkflowHeader):
    """A workflow: nodes, and the edges between them."""

    nodes: Nodes
    edges: tuple[EdgeDefinition, ...] = ()

    _samples: bool = PrivateAttr(default=False)
    _reads_error: bool = PrivateAttr(default=False)
    # The workflow as its author wrote it, if this one has other node types in the place of some.
    _written: "WorkflowDefinition | None" = PrivateAttr(default=None)

    @property
    def samples(self) -> bool:
        """Whether the nodes are samples, each checked on its own."""
        return self._samples

    @property
    def reads_error(self) -> bool:
        """Whether it runs after a failure, which all its nodes can read."""
        return self._reads_error

    def place_parts(self, at: Pointer) -> None:
        """Record the path of each node and edge, given the path of the whole."""
        for kind, parts in (("nodes", self.nodes), ("edges", self.edges)):
            for index, part in enumerate(parts):
                part._at = (*at, kind, index)

    @property
    def title(self) -> str:
        """The name to show for the workflow."""
        return self.name or self.id or "workflow"

    def meaning(self) -> dict[str, Any]:
        """Return everything in the definition that affects a run, as JSON."""
        if self._written is not None:
            return self._written.meaning()
        return self.model_dump(mode="json", exclude=_WITHOUT_MEANING, exclude_defaults=True)

    @property
    def hash(self) -> str:
        """A digest of `meaning`: layout, key order, titles and labels do not change it."""
        text = json.dumps(self.meaning(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


_WITHOUT_MEANING: Any = {
    "name": True,
    "description": True,
    "version": True,
    "metadata": True,
    "chat": True,
    "nodes": {"__all__": {"name", "description", "position", "metadata"}},
    "edges": {"__all__": {"id"}},
}
