"""Is the server alive, and how well does it keep code in?"""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from flowc.server.api.parts import OpenParts

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """Whether the server works, and the isolation of its code sandboxes as tried at its start."""

    status: Literal["ok"]
    isolation: dict[str, str]


@router.get("/health")
async def health(parts: OpenParts, request: Request) -> Health:
    """Say that the server works: the store answered."""
    await parts.store.list(1, 0)
    return Health(status="ok", isolation=request.app.state.isolation)


@router.get("/ping")
async def ping() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}
