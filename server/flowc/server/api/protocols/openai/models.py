"""Models of the OpenAI API: workflows that answer messages; `id@3` is the version 3 of one."""

from typing import Annotated, Any

from fastapi import APIRouter, Path

from flowc.server.api.admission import CurrentCaller
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.records.chat_starts import chat_start_of
from flowc.server.store.parts import ListPart
from flowc.server.store.workflows import StoredWorkflow

router = APIRouter(route_class=StrictRoute)
_PAGE = 200


@router.get("/models")
async def list_models(tenant: CurrentTenant, caller: CurrentCaller) -> dict[str, Any]:
    """Return the workflows that answer a message alone, as models."""
    found: list[dict[str, Any]] = []
    seen, total = 0, 1
    while seen < total:
        page = await tenant.stored_workflows.list(ListPart(_PAGE, seen))
        total = page.total or 0
        for stored in page.items:
            if caller.may_run(stored.id) and await tenant.chat.can_talk(stored):
                found.append(_model(stored.id, stored))
        seen += len(page.items)
        if not page.items:
            break
    return {"object": "list", "data": found}


@router.get("/models/{name:path}")
async def get_model(
    name: Annotated[str, Path(max_length=200, description="Id of a workflow, or `id@version`.")],
    tenant: CurrentTenant,
    caller: CurrentCaller,
) -> dict[str, Any]:
    """Return a workflow as a model."""
    stored, _ = await tenant.chat.model(name)
    caller.require_workflow(stored.id)
    return _model(name, stored)


def _model(name: str, stored: StoredWorkflow) -> dict[str, Any]:
    """Return a model; `flowc` has what to show where a chat begins, if there is something."""
    chat = chat_start_of(stored.document)
    return {
        "id": name,
        "object": "model",
        "created": int(stored.updated_at.timestamp()),
        "owned_by": "flowc",
        **({"flowc": chat.model_dump()} if chat is not None else {}),
    }
