"""Routes for graphs: of workflows, and of what runs started with."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from flowc.compiler.planning.plan import Plan
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import CONFLICT, RESPONSES
from flowc.server.api.resources.runs import RunIdInPath
from flowc.server.api.resources.workflows import VersionNumber, WorkflowId, named
from flowc.server.api.strict_requests import StrictRoute

router = APIRouter(route_class=StrictRoute, responses=RESPONSES)


class GraphNodeBody(BaseModel):
    """A node of a workflow's graph; a loop or a map has a body."""

    id: str
    type: str
    name: str | None
    join: str = Field(description="For which of its edges it waits: `any` or `all`.")
    body: "GraphBody | None" = None


class GraphEdgeBody(BaseModel):
    """An edge of a workflow's graph, for some branches of its source or for all."""

    source: str
    target: str
    branches: list[str] | None
    closes_loop: bool


class GraphBody(BaseModel):
    """The graph of a workflow, or of the body of a node."""

    entries: list[str]
    nodes: list[GraphNodeBody]
    edges: list[GraphEdgeBody]


class RunDefinition(BaseModel):
    """The definition that a run started with."""

    workflow_id: str | None
    version: int | None
    hash: str
    definition: dict[str, Any]


@router.get("/workflows/{workflow_id}/graph", tags=["workflows"])
async def get_graph(
    workflow_id: WorkflowId, tenant: CurrentTenant, version: VersionNumber = None
) -> GraphBody:
    """Return the graph of a workflow: its nodes, and its edges with their branches."""
    stored = await tenant.stored_workflows.get(*named(workflow_id, version))
    compiled = await tenant.workflows.compiled(stored)
    return graph_of(compiled.plan)


@router.get("/runs/{run_id}/graph", tags=["runs"], responses=CONFLICT)
async def get_run_graph(run_id: RunIdInPath, tenant: CurrentTenant) -> GraphBody:
    """Return the graph that a run goes through, also after its workflow was changed or deleted."""
    compiled = await tenant.workflows.pinned(await tenant.stored_runs.get_alone(run_id))
    return graph_of(compiled.plan)


@router.get("/runs/{run_id}/definition", tags=["runs"])
async def get_run_definition(run_id: RunIdInPath, tenant: CurrentTenant) -> RunDefinition:
    """Return the definition that a run started with."""
    run = await tenant.stored_runs.get_alone(run_id)
    found = await tenant.stored_workflows.document(run.workflow_id, run.version, run.hash)
    return RunDefinition(
        workflow_id=run.workflow_id, version=run.version, hash=run.hash, definition=found
    )


def graph_of(plan: Plan) -> GraphBody:
    """Return the graph of a plan."""
    edges = [edge for wire in plan.wiring.wires.values() for edge in wire.outgoing]
    return GraphBody(
        entries=list(plan.wiring.entries),
        nodes=[
            GraphNodeBody(
                id=id,
                type=node.definition.type,
                name=node.definition.name,
                join=node.definition.join,
                body=graph_of(node.body) if node.body is not None else None,
            )
            for id, node in plan.nodes.items()
        ],
        edges=[
            GraphEdgeBody(
                source=edge.source,
                target=edge.target,
                branches=sorted(edge.branches) if edge.branches is not None else None,
                closes_loop=edge in plan.wiring.back_edges,
            )
            for edge in edges
        ],
    )
