"""Routes for pages in browsers: sessions, and tickets for WebSockets."""

from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from flowc.server.access.callers import Caller
from flowc.server.access.grants import csrf_token_of
from flowc.server.access.scopes import ApiScope, CallerRole, role_of
from flowc.server.api.admission import CurrentCaller, authenticate, grants_of
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import RESPONSES
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.resources.runs import RunIdInPath
from flowc.server.api.session_cookies import cookie_in, delete_cookie, set_cookie
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.process.browser_grants import BrowserGrants
from flowc.server.records.times import now

router = APIRouter(tags=["access"], route_class=StrictRoute, responses=RESPONSES)


class SessionRequest(RequestBody):
    """Who begins a session."""

    credential: str = Field(min_length=1, max_length=8_192, description="An API key or a token.")


class SessionBody(BaseModel):
    """Who sends a request."""

    caller: str = Field(description="A key by its id and name, or the subject of a token.")
    tenant: str
    role: CallerRole | None = Field(description="The least role that may do all of this.")
    scopes: list[ApiScope]
    workflow_id: str | None = Field(description="The caller may run this workflow alone.")
    names: list[str] = Field(description="Questions that name one of these are for the caller.")
    groups: list[str] = Field(description="Questions for one of these are for the caller, too.")
    expires_at: datetime | None
    csrf_token: str | None = Field(
        description="Send it as `x-csrf-token` with all that changes something; null without a"
        " session, where it is not needed."
    )


class TicketBody(BaseModel):
    """A ticket for one WebSocket of one run."""

    ticket: str = Field(description="Open `/api/v1/runs/{run_id}/ws?ticket=…` with it, once.")
    expires_at: datetime


async def _grants(request: Request) -> BrowserGrants:
    return grants_of(request)


_Grants = Annotated[BrowserGrants, Depends(_grants)]


@router.post("/session")
async def create_session(
    request: Request, response: Response, grants: _Grants, body: SessionRequest | None = None
) -> SessionBody:
    """Begin a session of a browser: an API key or token becomes a cookie that scripts cannot read.

    The key is in the body or in the header `Authorization`. Its end is the end of the session.
    """
    header = request.headers.get("authorization")
    caller = await authenticate(request, header if body is None else f"Bearer {body.credential}")
    if grants.is_open:
        return _body(caller)
    if (former := cookie_in(request)) is not None:
        await grants.end(former)
    made = await grants.begin(caller)
    seconds = (made.grant.expires_at - now()).total_seconds()
    set_cookie(request, response, made.secret, max(int(seconds), 1))
    expires_at = made.grant.expires_at.timestamp()
    return _body(replace(caller, expires_at=expires_at), made.secret)


@router.get("/session")
async def get_session(request: Request, caller: CurrentCaller) -> SessionBody:
    """Return who sends the request; a page that was loaded again gets its token so."""
    return _body(caller, cookie_in(request) if caller.session is not None else None)


@router.delete("/session", status_code=HTTPStatus.NO_CONTENT)
async def end_session(request: Request, response: Response, grants: _Grants) -> None:
    """End the session of the browser at once; keys and tokens stay."""
    if (secret := cookie_in(request)) is not None:
        await grants.end(secret)
        delete_cookie(request, response)


@router.post("/runs/{run_id}/ws-ticket")
async def create_ticket(
    run_id: RunIdInPath, caller: CurrentCaller, tenant: CurrentTenant, grants: _Grants
) -> TicketBody:
    """Return a ticket with which a page can open the WebSocket of a run, once, within 30 seconds.

    Pages cannot send the header `Authorization` with a WebSocket, and a key has no place in a URL.
    """
    await tenant.stored_runs.status(run_id)
    made = await grants.new_ticket(caller, run_id)
    return TicketBody(ticket=made.secret, expires_at=made.grant.expires_at)


def _body(caller: Caller, secret: str | None = None) -> SessionBody:
    end = caller.expires_at
    return SessionBody(
        caller=caller.name,
        tenant=caller.tenant,
        role=role_of(caller.scopes),
        scopes=sorted(caller.scopes),
        workflow_id=caller.workflow_id,
        names=sorted(caller.names),
        groups=sorted(caller.groups),
        expires_at=None if end is None else datetime.fromtimestamp(end, UTC),
        csrf_token=None if secret is None else csrf_token_of(secret),
    )
