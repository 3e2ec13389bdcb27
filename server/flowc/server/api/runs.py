"""Runs over HTTP: what became of them, node by node."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel

from flowc.server.api.errors import RESPONSES
from flowc.server.api.limits import StrictRoute
from flowc.server.api.parts import OpenParts
from flowc.server.records import NodeStatus, RunStatus

router = APIRouter(prefix="/runs", tags=["runs"], route_class=StrictRoute, responses=RESPONSES)


class NodeBody(BaseModel):
    """What one node of a run did."""

    status: NodeStatus
    runs: int
    output: Any
    attempts: int
    duration_ms: float | None
    started_at: datetime | None
    finished_at: datetime | None
    error: dict[str, Any] | None


class RunBody(BaseModel):
    """A run; `usage` counts tokens and model calls, its `cost` is in US dollars."""

    id: str
    run_id: str
    workflow_id: str | None
    version: int | None
    hash: str
    status: RunStatus
    input: dict[str, Any]
    output: Any
    nodes: dict[str, NodeBody]
    usage: dict[str, float]
    error: dict[str, Any] | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class RunPage(BaseModel):
    """A page of runs, without their nodes."""

    items: list[RunBody]
    total: int
    limit: int
    offset: int


@router.get("")
async def list_runs(
    parts: OpenParts,
    workflow_id: Annotated[str | None, Query(max_length=128)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> RunPage:
    """Return a page of runs, newest first."""
    found, total = await parts.stored_runs.list(limit, offset, workflow_id)
    items = [RunBody.model_validate(run.as_json()) for run in found]
    return RunPage(items=items, total=total, limit=limit, offset=offset)


@router.get("/{run_id}")
async def get_run(run_id: Annotated[str, Path(max_length=64)], parts: OpenParts) -> RunBody:
    """Return a run with every node's status, output and times."""
    run = await parts.runs.get(run_id)
    return RunBody.model_validate(run.as_json())
