"""Routes for graphs: of workflows, and of what runs started with."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from flowc.compiler.reading.documents import Document, from_data, read_text
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import RESPONSES
from flowc.server.api.resources.runs import RunIdInPath
from flowc.server.api.resources.text_ranges import RangeBody
from flowc.server.api.resources.workflows import VersionNumber, WorkflowId, named
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.process.tenants import Tenant
from flowc.server.store import StoredWorkflow
from flowc.server.store.workflows import NoSuchWorkflow
from flowc.server.workflows.definition_texts import drawn

router = APIRouter(route_class=StrictRoute, responses=RESPONSES)


class GraphBranchBody(BaseModel):
    """A branch that a node can choose."""

    name: str
    target: str | None = Field(description="Id of the node that it leads to, if it is there.")
    pointer: str | None = Field(
        description="Where its target is written, or would be: a JSON Pointer. Null if an edge"
        " leads to the target, and there is none yet."
    )


class GraphNodeBody(BaseModel):
    """A node of a workflow's graph; a loop, a map and an agent with tools have a body."""

    id: str
    path: str = Field(description="The id, behind those of the nodes around it: `each.send`.")
    type: str
    name: str | None
    group: str | None = Field(description="The group of its type; null if there is no such type.")
    detail: str | None = Field(description="A line of its configuration, such as its prompt.")
    join: str = Field(
        description="For which of its edges it waits: `any`, `all`, `first` or `at least 2`."
    )
    disabled: bool
    pointer: str = Field(description="Its place in the definition, a JSON Pointer.")
    range: RangeBody | None = Field(description="All of it in the text; null without a text.")
    branches: list[GraphBranchBody] = Field(description="In the order of writing.")
    body: "GraphBody | None"
    body_pointer: str | None
    workflow: str | None = Field(description="Id of the stored workflow that it runs.")


class EdgePlaceBody(BaseModel):
    """A place where an edge is written."""

    pointer: str
    range: RangeBody | None


class GraphEdgeBody(BaseModel):
    """An edge of a workflow's graph, for some branches of its source or for all."""

    source: str
    target: str
    branches: list[str] | None
    closes_loop: bool
    max_turns: int | None = Field(
        description="Most turns of the loop that it closes; null if it closes none."
    )
    pointer: str | None = Field(description="The first place where it is written.")
    range: RangeBody | None
    places: list[EdgePlaceBody] = Field(
        description="All places where it is written: an item of `edges` or `depends_on`, or a field"
        " that names the target of a branch."
    )


class GraphBody(BaseModel):
    """The graph of a workflow, or of the body of a node, with its places in the text."""

    entries: list[str] = Field(description="Where a run starts.")
    nodes: list[GraphNodeBody]
    edges: list[GraphEdgeBody]


class RunDefinition(BaseModel):
    """The definition that a run started with."""

    workflow_id: str | None
    version: int | None
    hash: str
    definition: dict[str, Any]


@router.get("/workflows/{workflow_id}/graph", tags=["workflows"], response_model=GraphBody)
async def get_graph(
    workflow_id: WorkflowId, tenant: CurrentTenant, version: VersionNumber = None
) -> Response:
    """Return the graph of a workflow: its nodes, and its edges with their branches.

    The places are those in the text that `/source` returns.
    """
    stored = await tenant.stored_workflows.with_text(*named(workflow_id, version))
    return await _drawn(tenant, partial(_read_source, stored), stored.id)


@router.get("/runs/{run_id}/graph", tags=["runs"], response_model=GraphBody)
async def get_run_graph(run_id: RunIdInPath, tenant: CurrentTenant) -> Response:
    """Return the graph that a run goes through, also after its workflow was changed or deleted.

    The places are those in the text of its version, if that is still there.
    """
    run = await tenant.stored_runs.get_alone(run_id)
    if run.workflow_id is not None and run.version is not None:
        with suppress(NoSuchWorkflow):
            stored = await tenant.stored_workflows.with_text(run.workflow_id, run.version)
            return await _drawn(tenant, partial(_read_source, stored), stored.id)
    found = await tenant.stored_workflows.document(run.workflow_id, run.version, run.hash)
    return await _drawn(tenant, partial(from_data, found), run.workflow_id)


@router.get("/runs/{run_id}/definition", tags=["runs"])
async def get_run_definition(run_id: RunIdInPath, tenant: CurrentTenant) -> RunDefinition:
    """Return the definition that a run started with."""
    run = await tenant.stored_runs.get_alone(run_id)
    found = await tenant.stored_workflows.document(run.workflow_id, run.version, run.hash)
    return RunDefinition(
        workflow_id=run.workflow_id, version=run.version, hash=run.hash, definition=found
    )


def _read_source(stored: StoredWorkflow) -> Document:
    text, format = stored.text
    return read_text(text, format=format)


async def _drawn(tenant: Tenant, read: Callable[[], Document], id: str | None) -> Response:
    graph = await drawn(tenant.workflows, read, id)
    return Response(graph, media_type="application/json")
