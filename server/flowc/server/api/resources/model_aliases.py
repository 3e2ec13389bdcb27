"""The route for the models that workflows can name."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from flowc.nodes.services.models.prices import context_window, price_of, provider_of
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import RESPONSES
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.process.tenants import Tenant

router = APIRouter(
    prefix="/models", tags=["authoring"], route_class=StrictRoute, responses=RESPONSES
)

_MILLION = 1_000_000


class ModelAliasBody(BaseModel):
    """A model by the name that workflows have for it; its key and address are the operator's."""

    name: str
    model: str = Field(description="litellm's name of it.")
    provider: str | None
    is_default: bool = Field(description="Whether nodes that name no model call it.")
    is_ready: bool = Field(description="Whether it can be called, as far as is known before.")
    problem: str | None = Field(description="Why it cannot be called, such as a missing key.")
    context_window: int | None = Field(description="Most tokens of a prompt, if it is listed.")
    input_price: float | None = Field(description="US dollars for a million tokens; null: unknown.")
    output_price: float | None


@router.get("")
async def list_model_aliases(tenant: CurrentTenant) -> list[ModelAliasBody]:
    """Return the models of the operator's file and the default one, sorted by name.

    Workflows can also name any other model of a provider whose key is set.
    """
    models = tenant.services.models
    names = sorted({*models.aliases, models.default})
    return [await _shown(tenant, name) for name in names]


async def _shown(tenant: Tenant, name: str) -> ModelAliasBody:
    models = tenant.services.models
    model, refusal = models.name_of(name), await models.refusal(name)
    offline = models.is_offline(name)
    prices = [price_of(model, _MILLION), price_of(model, 0, _MILLION)]
    known = [0.0, 0.0] if offline else [price or None for price in prices]
    return ModelAliasBody(
        name=name,
        model=model,
        provider="offline" if offline else provider_of(model),
        is_default=name == models.default,
        is_ready=refusal is None,
        problem=refusal.message if refusal is not None else None,
        context_window=context_window(model),
        input_price=known[0],
        output_price=known[1],
    )
