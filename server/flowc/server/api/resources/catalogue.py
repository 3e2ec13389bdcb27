"""Routes for authors: the node types and the language of definitions."""

import inspect
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from flowc.compiler.diagnostics import did_you_mean
from flowc.compiler.node import Node
from flowc.compiler.reading.familiar import native_word
from flowc.compiler.reports.explanations import explanations
from flowc.compiler.reports.json_schema import definition_schema, schema_of_node_type
from flowc.nodes.outside.remote import Remote
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import RESPONSES
from flowc.server.api.refused_requests import NoSuchDiagnostic, NoSuchNodeType
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.resources.executions import answer_of
from flowc.server.api.resources.remote_types import (
    NodeTypeName,
    RegisteredNodeType,
    registered,
)
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.records.runs import RunOutcome

router = APIRouter(tags=["authoring"], route_class=StrictRoute, responses=RESPONSES)

DiagnosticCode = Annotated[
    str, Path(max_length=128, description="Code of a diagnostic, such as `unknown-reference`.")
]


class NodeTypeBody(BaseModel):
    """A node type."""

    type: str
    also: list[str] = Field(description="Other words for it that definitions may use.")
    group: str
    summary: str = Field(description="What it does, in a sentence.")


class NodeTypeDetails(NodeTypeBody):
    """A node type with the JSON Schema of its configuration."""

    description: str
    config_schema: dict[str, Any]
    registered: RegisteredNodeType | None = Field(
        description="The service that does its work, if it was registered."
    )


class NodeTest(RequestBody):
    """The configuration of a node, and what a run has as its input."""

    config: dict[str, Any] = Field(default_factory=dict)
    input: dict[str, Any] = Field(default_factory=dict)


class ExplanationBody(BaseModel):
    """Why a diagnostic is reported, with a bad and a good example."""

    code: str
    why: str
    bad: str
    good: str


@router.get("/nodes")
async def list_node_types(tenant: CurrentTenant) -> list[NodeTypeBody]:
    """Return the node types that definitions may use, the built-in ones first."""
    return [_summary(node_type) for node_type in await tenant.workflows.types.registry()]


@router.get("/nodes/{node_type}")
async def get_node_type(node_type: NodeTypeName, tenant: CurrentTenant) -> NodeTypeDetails:
    """Return a node type, with the JSON Schema of its configuration."""
    found = _type(node_type, await tenant.workflows.types.registry())
    remote = None
    if issubclass(found, Remote):
        remote = await tenant.workflows.types.stored.find(found.type)
    return NodeTypeDetails(
        **_summary(found).model_dump(),
        description=inspect.getdoc(found) or "",
        config_schema=schema_of_node_type(found),
        registered=await registered(tenant, remote) if remote is not None else None,
    )


@router.post("/nodes/{node_type}/test", response_model=RunOutcome)
async def test_node_type(
    node_type: NodeTypeName, body: NodeTest, tenant: CurrentTenant
) -> Response:
    """Run one node of this type once, with a configuration and an input; return the outcome.

    It is a run like any other: what the node does, such as an HTTP call, is done.
    """
    _type(node_type, await tenant.workflows.types.registry())
    node = {"id": "test", "type": node_type, "config": body.config}
    compiled = await tenant.workflows.compile({"nodes": [node]})
    return answer_of(await tenant.runs.execute(compiled, body.input))


@router.get("/schema")
async def get_schema(tenant: CurrentTenant) -> dict[str, Any]:
    """Return the JSON Schema of definitions, for editors; `flowc schema` prints it, too."""
    return definition_schema(await tenant.workflows.types.registry())


@router.get("/diagnostics/{code}")
async def explain_diagnostic(code: DiagnosticCode) -> ExplanationBody:
    """Return why a diagnostic is reported, with a bad and a good example."""
    found = explanations().get(code)
    if found is None:
        hint = did_you_mean(code, explanations()) or ""
        raise NoSuchDiagnostic(f"There is no diagnostic {code[:60]!r}. {hint}".rstrip())
    return ExplanationBody(code=code, why=found.why, bad=found.bad, good=found.good)


def _type(word: str, registry: Any) -> type[Node]:
    found: type[Node] | None = registry.get(word) or registry.get(native_word(word))
    if found is None:
        hint = did_you_mean(word, registry.words()) or ""
        raise NoSuchNodeType(f"There is no node type {word[:60]!r}. {hint}".rstrip())
    return found


def _summary(node_type: type[Node]) -> NodeTypeBody:
    lines = (inspect.getdoc(node_type) or "").splitlines()
    return NodeTypeBody(
        type=node_type.type,
        also=list(node_type.also),
        group=node_type.group,
        summary=lines[0] if lines else "",
    )
