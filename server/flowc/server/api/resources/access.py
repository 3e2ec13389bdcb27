"""Routes for administrators: API keys, and the log of who did what."""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Self

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field, model_validator

from flowc.server.access.api_keys import ApiKey
from flowc.server.access.scopes import ApiScope, CallerRole, scopes_of
from flowc.server.api.admission import CurrentCaller
from flowc.server.api.audit_notes import note_details
from flowc.server.api.current_tenant import AskedTenant, CurrentProcess
from flowc.server.api.errors import RESPONSES
from flowc.server.api.paging import PageLimit
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.process.gate import KeyWish

router = APIRouter(tags=["access"], route_class=StrictRoute, responses=RESPONSES)

KeyId = Annotated[str, Path(max_length=64, description="Id of the API key.")]
_LARGEST = (1 << 63) - 1


class NewKeyRequest(RequestBody):
    """What a new API key may do: the scopes of a role, some scopes, or to run one workflow."""

    name: str = Field(min_length=1, max_length=200, description="For people, such as `ci`.")
    role: CallerRole | None = Field(
        default=None, description="The key has all scopes of this role."
    )
    scopes: list[ApiScope] | None = Field(default=None, min_length=1, max_length=len(ApiScope))
    workflow_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=128,
        description="The key may run this workflow, and do nothing else.",
    )
    days: float | None = Field(
        default=None, gt=0, le=3_650, description="Days after which the key expires."
    )
    tenant: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="Tenant that the key is of; another than the caller's only for the operator.",
    )
    groups: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default_factory=list,
        max_length=50,
        description="Groups of the holder, who may answer questions for them.",
    )

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        given = [self.role, self.scopes, self.workflow_id]
        if sum(each is not None for each in given) != 1:
            raise ValueError("Give one of role, scopes and workflow_id.")
        return self

    @property
    def allowed(self) -> frozenset[ApiScope]:
        """The scopes of the key."""
        if self.role is not None:
            return scopes_of(self.role)
        return frozenset(self.scopes or (ApiScope.RUNS_EXECUTE,))


class ApiKeyBody(BaseModel):
    """An API key, without the key itself."""

    id: str
    tenant: str
    name: str
    role: CallerRole | None
    scopes: list[ApiScope]
    workflow_id: str | None
    groups: list[str]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class NewKeyBody(ApiKeyBody):
    """A new API key."""

    key: str = Field(description="The key itself. It is shown this once, and not stored.")


class AuditBody(BaseModel):
    """One act of a caller."""

    id: int
    at: datetime
    caller: str = Field(description="A key by its id and name, or the subject of a token.")
    act: str = Field(description="The operation, as `operationId` names it.")
    details: dict[str, Any] = Field(description="What it was done to.")
    status: int = Field(description="The HTTP status of the answer.")
    address: str | None
    request_id: str | None


class AuditPage(BaseModel):
    """Acts, newest first."""

    items: list[AuditBody]
    next: int | None = Field(description="Pass it as `before` to get older acts; null at the end.")


@router.post("/keys", status_code=HTTPStatus.CREATED)
async def create_key(
    body: NewKeyRequest, caller: CurrentCaller, process: CurrentProcess, request: Request
) -> NewKeyBody:
    """Create an API key; the answer is the only one that has it."""
    lifetime = None if body.days is None else timedelta(days=body.days)
    groups = tuple(body.groups)
    wish = KeyWish(body.name, body.allowed, body.role, body.workflow_id, lifetime, groups)
    made = await process.gate.make(caller.tenant_for(body.tenant), caller.name, wish)
    note_details(request, key_id=made.key.id, name=body.name)
    return NewKeyBody(**_body(made.key).model_dump(), key=made.text)


@router.get("/keys")
async def list_keys(
    caller: CurrentCaller, process: CurrentProcess, tenant: AskedTenant = None
) -> list[ApiKeyBody]:
    """Return all API keys, newest first, also those that are over."""
    return [_body(key) for key in await process.gate.keys.list(caller.tenant_for(tenant))]


@router.delete("/keys/{key_id}")
async def revoke_key(
    key_id: KeyId, caller: CurrentCaller, process: CurrentProcess, tenant: AskedTenant = None
) -> ApiKeyBody:
    """Revoke an API key at once, in all processes; it stays in the list."""
    return _body(await process.gate.revoke(caller.tenant_for(tenant), key_id))


@router.get("/audit")
async def read_audit_log(
    caller: CurrentCaller,
    process: CurrentProcess,
    before: Annotated[int | None, Query(ge=1, le=_LARGEST)] = None,
    limit: PageLimit = 50,
) -> AuditPage:
    """Return who changed what, newest first; runs that were started are not in it."""
    found = await process.audit.list(caller.tenant, before, limit)
    items = [AuditBody(id=each.id, at=each.at, **each.act._asdict()) for each in found]
    return AuditPage(items=items, next=items[-1].id if len(items) == limit else None)


def _body(key: ApiKey) -> ApiKeyBody:
    values = {name: getattr(key, name) for name in ApiKeyBody.model_fields}
    return ApiKeyBody(**{**values, "scopes": list(key.scopes)})
