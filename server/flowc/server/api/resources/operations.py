"""Routes for operators: whether the server works, and whether it answers."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from flowc.server.api.admission import AdmittedRoute
from flowc.server.api.current_process import CurrentProcess

router = APIRouter(tags=["operations"], route_class=AdmittedRoute)


class Health(BaseModel):
    """The state of the server."""

    status: Literal["ok", "degraded"]
    store: str = Field(description="`ok`, or why the database cannot be written to.")
    isolation: dict[str, str] = Field(
        description="Isolation of each code sandbox: `full`, `partial` or `none`, as measured when"
        " the server started; `testing` before that is known."
    )


@router.get("/health")
async def health(process: CurrentProcess, request: Request) -> Health:
    """Return whether the server can read and write its database."""
    await process.stored_workflows.list(1, 0)
    problem = process.stored_workflows.database.problem
    return Health(
        status="ok" if problem is None else "degraded",
        store=problem or "ok",
        isolation=request.app.state.isolation,
    )


@router.get("/ping")
async def ping() -> dict[str, str]:
    """Return at once, without using the database."""
    return {"status": "ok"}
