"""Models of the OpenAI API: every workflow is one; `id@3` is its version 3."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path

from flowc.server.api.admission import CurrentCaller
from flowc.server.api.current_process import CurrentProcess
from flowc.server.api.strict_requests import StrictRoute

router = APIRouter(route_class=StrictRoute)
_PAGE = 200


@router.get("/models")
async def list_models(process: CurrentProcess, caller: CurrentCaller) -> dict[str, Any]:
    """Return all workflows as models; you can chat with those that take a `message`."""
    found: list[dict[str, Any]] = []
    total = 1
    while len(found) < total:
        page, total = await process.stored_workflows.list(_PAGE, len(found))
        found += [_model(stored.id, stored.updated_at) for stored in page]
        if not page:
            break
    return {"object": "list", "data": [each for each in found if caller.may_run(each["id"])]}


@router.get("/models/{name:path}")
async def get_model(
    name: Annotated[str, Path(max_length=200, description="Id of a workflow, or `id@version`.")],
    process: CurrentProcess,
    caller: CurrentCaller,
) -> dict[str, Any]:
    """Return a workflow as a model."""
    stored, _ = await process.chat.model(name)
    caller.require_workflow(stored.id)
    return _model(name, stored.updated_at)


def _model(name: str, moment: datetime) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": int(moment.timestamp()),
        "owned_by": "flowc",
    }
