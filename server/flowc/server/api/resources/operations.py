"""Is the server alive, and how well does it keep code in?"""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from flowc.server.api.current_process import CurrentProcess

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """Whether the server works, and the isolation of its code sandboxes as tried at its start.

    `store` says what keeps the database from being written to, if anything does.
    """

    status: Literal["ok", "degraded"]
    store: str
    isolation: dict[str, str]


@router.get("/health")
async def health(process: CurrentProcess, request: Request) -> Health:
    """Say whether the server works: the database can be read and written to."""
    await process.stored_workflows.list(1, 0)
    problem = process.stored_workflows.database.problem
    return Health(
        status="ok" if problem is None else "degraded",
        store=problem or "ok",
        isolation=request.app.state.isolation,
    )


@router.get("/ping")
async def ping() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}
