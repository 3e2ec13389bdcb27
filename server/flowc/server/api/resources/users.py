"""Routes for administrators: the roles, and the people who are signed in."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from flowc.server.access.grants import Grant
from flowc.server.access.scopes import ApiScope, CallerRole, role_of, scopes_of
from flowc.server.api.admission import CurrentCaller, grants_of
from flowc.server.api.audit_notes import note_details
from flowc.server.api.current_tenant import AskedTenant
from flowc.server.api.errors import RESPONSES
from flowc.server.api.strict_requests import StrictRoute

router = APIRouter(tags=["access"], route_class=StrictRoute, responses=RESPONSES)


class RoleBody(BaseModel):
    """A role, and what it may do."""

    role: CallerRole
    scopes: list[ApiScope]
    adds: list[ApiScope] = Field(description="What the role before it may not do.")


class UserBody(BaseModel):
    """A person or key that is signed in with a browser."""

    caller: str = Field(description="A key by its id and name, or the subject of a token.")
    key_id: str | None = Field(description="The key that it signed in with, if it is one.")
    role: CallerRole | None = Field(description="The least role that may do all of this.")
    scopes: list[ApiScope]
    workflow_id: str | None
    names: list[str]
    groups: list[str]
    sessions: int = Field(description="In how many browsers it is signed in.")
    expires_at: datetime = Field(description="When the last of these sessions ends.")


class EndedSessions(BaseModel):
    """Confirms that sessions have ended."""

    ended: int


@router.get("/roles")
async def list_roles() -> list[RoleBody]:
    """Return the roles, each with the scopes of those before it, and more."""
    found: list[RoleBody] = []
    for role in CallerRole:
        scopes = scopes_of(role)
        before = found[-1].scopes if found else []
        adds = sorted(scopes.difference(before))
        found.append(RoleBody(role=role, scopes=sorted(scopes), adds=adds))
    return found


@router.get("/users")
async def list_users(
    request: Request, caller: CurrentCaller, tenant: AskedTenant = None
) -> list[UserBody]:
    """Return who is signed in with a browser now, sorted by name."""
    return _users(await grants_of(request).sessions(caller.tenant_for(tenant)))


@router.delete("/users/sessions")
async def end_user_sessions(
    request: Request,
    caller: CurrentCaller,
    name: Annotated[
        str, Query(alias="caller", max_length=300, description="Whose sessions, as listed.")
    ],
    tenant: AskedTenant = None,
) -> EndedSessions:
    """End all sessions of a person or key at once; a key itself stays valid."""
    note_details(request, caller=name)
    return EndedSessions(ended=await grants_of(request).end_all(caller.tenant_for(tenant), name))


def _users(grants: Iterable[Grant]) -> list[UserBody]:
    """Return the holders of sessions; the session that ends last says what each may do."""
    found: dict[str, UserBody] = {}
    for grant in grants:
        if grant.holder in found:
            found[grant.holder].sessions += 1
            continue
        found[grant.holder] = UserBody(
            caller=grant.holder,
            key_id=grant.key_id,
            role=role_of(grant.scopes),
            scopes=sorted(grant.scopes),
            workflow_id=grant.workflow_id,
            names=sorted(grant.names),
            groups=sorted(grant.groups),
            sessions=1,
            expires_at=grant.expires_at,
        )
    return sorted(found.values(), key=lambda user: user.caller)
