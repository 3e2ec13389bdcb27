"""The steps form: steps by id, each with the ids of the steps it depends on."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from flowc.compiler.definition import (
    FEW,
    NodeDefinition,
    NodeOptions,
    Part,
    WorkflowDefinition,
    WorkflowHeader,
)
from flowc.compiler.diagnostics import Pointer


class Step(NodeOptions):
    """A step; `input` is its configuration."""

    type: str
    input: dict[str, Any] = Field(default_factory=dict, description="The step's configuration.")
    config: dict[str, Any] = Field(default_factory=dict, description="The same as `input`.")
    depends_on: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_configuration(self) -> "Step":
        if self.input and self.config:
            raise ValueError("a step can have an `input` or a `config`, not both")
        return self


Steps = Annotated[dict[str, Step], FEW]


class StepsForm(WorkflowHeader):
    """A workflow of steps; `depends_on` determines their order."""

    steps: Steps


class StepsBody(Part):
    """The steps that run inside a node."""

    steps: Steps


FORM, BODY = StepsForm, StepsBody


def recognises(data: Any) -> bool:
    """Return whether this is the steps form."""
    return isinstance(data, dict) and "steps" in data and "nodes" not in data


def read(form: StepsForm | StepsBody, at: Pointer) -> WorkflowDefinition:
    """Return the steps as nodes that depend on each other."""
    header = WorkflowHeader.model_fields if isinstance(form, StepsForm) else ()
    return WorkflowDefinition(
        nodes=tuple(_node(name, step, at) for name, step in form.steps.items()),
        **{name: getattr(form, name) for name in header},
    )


def _node(name: str, step: Step, at: Pointer) -> NodeDefinition:
    given = {key: getattr(step, key) for key in step.model_fields_set - {"input", "config"}}
    node = NodeDefinition(
        id=name,
        **{"depends_on": (), **given, "config": step.input or step.config},
    )
    node._at = (*at, "steps", name)
    node._config_key = "config" if step.config else "input"
    node._is_step = True
    return node
