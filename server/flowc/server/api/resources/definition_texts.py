"""Routes for editors of definitions: check a text, and rename a node in it."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError

from flowc.compiler.analysis.readable_names import names_at_path
from flowc.compiler.check import Examination
from flowc.compiler.diagnostics import has_errors
from flowc.compiler.reading.documents import Document, from_data, read_text
from flowc.compiler.reading.large_values import dump_json
from flowc.compiler.reports.graph_json import graph_as_json
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import RESPONSES
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.resources.graphs import GraphBody
from flowc.server.api.resources.text_ranges import TextChangeBody
from flowc.server.api.resources.workflows import (
    ID_PATTERN,
    DiagnosticBody,
    NewWorkflow,
    new_workflow,
)
from flowc.server.api.strict_requests import SentDefinition, StrictRoute
from flowc.server.workflows.definition_texts import examined, renamed
from flowc.server.workflows.run_plans import Aliases, plan_of

router = APIRouter(
    prefix="/workflows", tags=["authoring"], route_class=StrictRoute, responses=RESPONSES
)

SourceText = Annotated[
    str, Field(max_length=4_000_000, description="The text, as its author writes it.")
]
SourceFormat = Literal["yaml", "json"]


class DefinitionText(RequestBody):
    """The text of a definition to check."""

    source: SourceText
    format: SourceFormat = Field(default="yaml", description="YAML, which may be JSON, or JSON.")
    id: str | None = Field(
        default=None, pattern=ID_PATTERN, description="The id under which it would be stored."
    )
    names_at: str | None = Field(
        default=None,
        max_length=2_000,
        description="Path of a node, `each.send`: the answer has the names that it can read.",
    )


class ReadableNameBody(BaseModel):
    """A name that the expressions of a node can read."""

    name: str = Field(description="As one writes it: `classify.output.label`, `input.message`.")
    type: str | None = Field(description="The JSON type of its value, if it is known.")
    description: str | None


class LoopPlan(BaseModel):
    """A loop through edges."""

    nodes: list[str] = Field(description="The nodes of a turn, in their order.")
    max_turns: int


class BodyPlan(BaseModel):
    """What is known of the runs of a workflow, or of a body, before they begin."""

    steps: list[list[str]] = Field(description="The nodes by their distance from the start.")
    joins: list[dict[str, Any]] = Field(description="The nodes that wait for several others.")
    loops: list[LoopPlan] = Field(description="The loops through edges.")
    regions: dict[str, "BodyPlan"] = Field(description="The plans of bodies, by node id.")
    runs: list[int | None] = Field(description="Fewest and most runs; null: no limit.")
    hosts: list[str]
    models: list[str]
    files: list[str]
    secrets: list[str]


class PlanBody(BodyPlan):
    """What a run would do, as `flowc check --explain-plan` shows it."""

    model_calls: dict[str, list[float | None]] = Field(
        description="Fewest and most calls by model; null: no limit."
    )
    cost_usd: dict[str, list[float | None] | None] = Field(
        description="Least and most US dollars by model; null: the price is not known."
    )


class CheckBody(BaseModel):
    """What is wrong or odd with a definition, and what can be drawn of it."""

    is_valid: bool = Field(description="Whether it can be stored.")
    diagnostics: list[DiagnosticBody]
    graph: GraphBody | None = Field(
        description="What can be read of the workflow, also with errors; null if that is nothing."
    )
    input_schema: dict[str, Any] | None = Field(
        description="The JSON Schema of the input; null if the definition declares none."
    )
    plan: PlanBody | None = Field(description="What a run would do; null if there are errors.")
    names: list[ReadableNameBody] | None = Field(
        description="What the node at `names_at` can read; null if none was asked for or found."
    )
    names_cut: bool = Field(description="Whether there are more names than these.")


class NodeRenaming(RequestBody):
    """A node of a text, and the id that it is to have."""

    source: SourceText
    format: SourceFormat = "yaml"
    node: str = Field(
        max_length=2_000, description="Its id, behind those of the nodes around it: `each.send`."
    )
    to: str = Field(max_length=200, description="The new id.")


class RenamedText(BaseModel):
    """A text in which a node has another id."""

    source: str = Field(description="The new text.")
    changes: list[TextChangeBody] = Field(description="What makes it of the old one.")


@router.post("/check", response_model=CheckBody)
async def check_definition(
    body: DefinitionText | NewWorkflow | dict[str, Any],
    tenant: CurrentTenant,
    sent: SentDefinition,
) -> Response:
    """Check a definition without storing it, and draw it.

    The body is `{"source": "…"}` with a text, or a definition, or `{"definition": …}`. The places
    are those in the text, or in the body if it is YAML.
    """
    text = _text_in(body)
    read: Callable[[], Document]
    if text is not None:
        id, read = text.id, partial(read_text, text.source, format=text.format)
    else:
        assert not isinstance(body, DefinitionText)
        new = new_workflow(body)
        found = sent or from_data(new.definition)
        id, read = new.id, lambda: found
    show = partial(_checked, tenant.services.models.aliases, text.names_at if text else None)
    answer = await examined(tenant.workflows, read, id, show)
    return Response(answer, media_type="application/json")


@router.post("/rename", response_model=RenamedText)
async def rename_node_in_text(body: NodeRenaming, tenant: CurrentTenant) -> Response:
    """Give a node another id in a text, wherever it is named: in edges, branches and expressions.

    Nothing else of the text changes. It is refused with 422 if the text cannot be read, if there is
    no such node, or if the id is not valid or taken; `details` has the diagnostics.
    """
    answer = await renamed(tenant.workflows, body.source, body.format, body.node, body.to)
    return Response(answer, media_type="application/json")


def _checked(aliases: Aliases, names_at: str | None, found: Examination) -> str:
    """Return the answer to a check as JSON; it is written in the thread of the check."""
    scope, document = found.scope, found.document
    graph = None if scope is None or document is None else graph_as_json(scope, document)
    names, is_cut = names_at_path(scope, names_at) if scope and names_at else (None, False)
    answer = {
        "is_valid": not has_errors(found.diagnostics),
        "diagnostics": [each.as_json() for each in found.diagnostics],
        "graph": graph,
        "input_schema": None if scope is None else scope.workflow.input,
        "plan": plan_of(found.inferred, aliases),
        "names": None if names is None else [each.as_json() for each in names],
        "names_cut": is_cut,
    }
    return dump_json(answer)


def _text_in(body: DefinitionText | NewWorkflow | dict[str, Any]) -> DefinitionText | None:
    """Return the text that a body has; None if it is a definition, or around one."""
    if isinstance(body, DefinitionText):
        return body
    is_text = isinstance(body, dict) and isinstance(body.get("source"), str)
    if not is_text or isinstance(body, NewWorkflow) or {"nodes", "steps"} & body.keys():
        return None
    try:
        return DefinitionText.model_validate(body)
    except ValidationError as error:
        problems = [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors()]
        raise RequestValidationError(problems) from None
