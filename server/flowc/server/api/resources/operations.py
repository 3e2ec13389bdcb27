"""Routes for operators: whether the server works, and whether it answers."""

from typing import Literal

from fastapi import APIRouter, Request, Response, status
from pydantic import BaseModel, Field

from flowc.server.api.admission import AdmittedRoute, CurrentCaller
from flowc.server.api.current_tenant import CurrentProcess
from flowc.server.api.errors import RESPONSES, ErrorResponse
from flowc.server.numbers.metrics import CONTENT_TYPE
from flowc.server.store.parts import ListPart

router = APIRouter(tags=["operations"], route_class=AdmittedRoute)


class Health(BaseModel):
    """The state of the server."""

    status: Literal["ok", "degraded", "stopping"]
    store: str = Field(description="`ok`, or why the database cannot be written to.")
    isolation: dict[str, str] = Field(
        description="Isolation of each code sandbox: `full`, `partial` or `none`, as measured when"
        " the server started; `testing` before that is known."
    )


@router.get("/health", responses={503: {"model": Health | ErrorResponse}})
async def health(process: CurrentProcess, request: Request, response: Response) -> Health:
    """Return whether the server can be sent requests: 503 if it stops, or cannot read its database.

    It is `degraded` if the last write failed: what is stored can still be read.
    """
    stored = process.default.stored_workflows
    await stored.list(ListPart(1))
    problem = stored.database.problem
    if process.is_stopping:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return Health(
        status="stopping" if process.is_stopping else "ok" if problem is None else "degraded",
        store=problem or "ok",
        isolation=request.app.state.isolation,
    )


@router.get("/ping")
async def ping() -> dict[str, str]:
    """Return at once, without using the database: the process lives."""
    return {"status": "ok"}


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        **RESPONSES,
        200: {
            "description": "The metrics.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
    },
)
async def read_metrics(process: CurrentProcess, caller: CurrentCaller) -> Response:
    """Return the metrics of this process in Prometheus's text format.

    They are about the runs of all tenants, so the caller must be of the operator's own.
    """
    caller.require_operator()
    return Response(await process.gauges.text(), media_type=CONTENT_TYPE)
