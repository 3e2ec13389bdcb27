"""The OpenAI API, in which each workflow is a model."""

from fastapi import APIRouter

from flowc.server.api.errors import OPENAI_RESPONSES
from flowc.server.api.protocols.openai import completions, models, responses

PREFIX = "/v1"

router = APIRouter(prefix=PREFIX, tags=["openai"], responses=OPENAI_RESPONSES)
for part in (models, completions, responses):
    router.include_router(part.router)

__all__ = ["PREFIX", "router"]
