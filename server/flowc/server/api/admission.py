"""Admits requests: recognises the caller, and checks that it may use the route."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute, APIRouter, APIWebSocketRoute
from starlette.requests import HTTPConnection

from flowc.server.access.callers import Caller, Unauthenticated
from flowc.server.access.scopes import FOR_EACH_CALLER, PUBLIC, ROUTES, SAFE_METHODS
from flowc.server.api.request_rates import RequestRates
from flowc.server.api.session_cookies import cookie_in, require_own_page
from flowc.server.logs.log_context import LOG_CONTEXT
from flowc.server.process.browser_grants import BrowserGrants
from flowc.server.process.gate import Gate
from flowc.server.records.refused import Refused
from flowc.server.records.workflow_names import id_and_version
from flowc.server.store.database import DATABASE_PROBLEMS

log = logging.getLogger(__name__)

# What a request's scope has the caller under, and the handler that it was admitted to.
_CALLER, _HANDLER = "flowc.caller", "flowc.handler"
_KNOWN = ROUTES.keys() | PUBLIC | FOR_EACH_CALLER
# They start runs, which are stored anyway, or only read.
_UNNOTED = frozenset(
    {"execute_workflow", "chat", "complete", "respond", "call_mcp", "create_ticket"}
)
# It is a GET, since a provider leads there, and begins a session.
_NOTED = frozenset({"finish_sign_in"})
LOOK_AGAIN_SECONDS = 60.0
# Parameter of a WebSocket's URL.
TICKET = "ticket"


async def admit(connection: HTTPConnection) -> None:
    """Admit a WebSocket to the route that it matched; raise Unauthenticated or Forbidden."""
    await admit_to(connection, connection.scope["endpoint"].__name__)


async def admit_to(connection: HTTPConnection, handler: str) -> None:
    """Admit a request to the route of a handler; raise Unauthenticated or Forbidden."""
    connection.scope[_HANDLER] = handler
    if handler in PUBLIC:
        return
    caller = await _recognised(connection)
    caller.require(handler)
    if "workflow_id" in connection.path_params:
        id, _ = id_and_version(connection.path_params["workflow_id"])
        caller.require_workflow(id)


async def _recognised(connection: HTTPConnection) -> Caller:
    """Return who sends a request, by its key or token, its ticket, or its session, in this order.

    A session does not open WebSockets: pages of other sites could do that with it.
    """
    grants, is_socket = grants_of(connection), connection.scope["type"] == "websocket"
    authorization = connection.headers.get("authorization")
    if authorization is not None or grants.is_open:
        return await authenticate(connection, authorization)
    if is_socket and (ticket := connection.query_params.get(TICKET)) is not None:
        run_id = connection.path_params.get("run_id", "")
        return await _counted(connection, grants.use_ticket(ticket, run_id))
    if not is_socket and (secret := cookie_in(connection)) is not None:
        caller = await _counted(connection, grants.caller(secret))
        require_own_page(connection, secret)
        return caller
    raise Unauthenticated


async def authenticate(connection: HTTPConnection, authorization: str | None) -> Caller:
    """Return whose an `Authorization` header is; a wrong one counts against its address.

    Raises Unauthenticated, Forbidden or TooManyRequests.
    """
    gate: Gate = connection.app.state.process.gate
    if authorization is None or gate.knows(authorization):
        return await _noted(connection, await gate.caller(authorization))
    await rates_of(connection).require_patience(_address_of(connection))
    return await _counted(connection, gate.caller(authorization))


async def admit_newcomer(
    connection: HTTPConnection, recognise: Callable[[], Awaitable[Caller]]
) -> Caller:
    """Return whom another check recognises; one that fails counts against the address.

    Raises Unauthenticated, Forbidden or TooManyRequests.
    """
    await rates_of(connection).require_patience(_address_of(connection))
    return await _counted(connection, recognise())


async def _counted(connection: HTTPConnection, recognising: Awaitable[Caller]) -> Caller:
    try:
        caller = await recognising
    except Unauthenticated:
        await count_failure(connection)
        raise
    return await _noted(connection, caller)


async def count_failure(connection: HTTPConnection) -> None:
    """Count a wrong credential against its address; raise TooManyRequests after too many."""
    rates, address = rates_of(connection), _address_of(connection)
    await rates.require_patience(address)
    await rates.count_failure(address)


async def _noted(connection: HTTPConnection, caller: Caller) -> Caller:
    connection.scope[_CALLER] = caller
    LOG_CONTEXT.set({**LOG_CONTEXT.get(), "tenant": caller.tenant})
    await rates_of(connection).count(caller, connection.scope[_HANDLER])
    return caller


def rates_of(connection: HTTPConnection) -> RequestRates:
    """Return the rates of requests of the server."""
    rates: RequestRates = connection.app.state.rates
    return rates


def _address_of(connection: HTTPConnection) -> str | None:
    return connection.client.host if connection.client else None


async def until_refused(connection: HTTPConnection) -> None:
    """Return when a caller that is connected may not use its route any more.

    It is looked at every minute: its key may be revoked, its token or session may end.
    """
    caller, handler = caller_of(connection.scope), connection.scope[_HANDLER]
    while caller is not None:
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
        try:
            caller = await grants_of(connection).again(caller)
            caller.require(handler)
        except Refused:
            return
        except DATABASE_PROBLEMS:
            # The next look may succeed.
            log.warning("A connected caller could not be checked again.")


def grants_of(connection: HTTPConnection) -> BrowserGrants:
    """Return the sessions and tickets of the server."""
    grants: BrowserGrants = connection.app.state.grants
    return grants


class AdmittedRoute(APIRoute):
    """A route whose handler gets the requests of callers that may use it.

    A request is admitted before its body is read.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the route's handler, behind the gate."""
        handle, name = super().get_route_handler(), self.endpoint.__name__

        async def admitted(request: Request) -> Response:
            await admit_to(request, name)
            return await handle(await self.readable(request))

        return admitted

    async def readable(self, request: Request) -> Request:
        """Return the request as the handler reads it."""
        return request


# A function that is not async would be called in another thread, at each request.
async def _caller(connection: HTTPConnection) -> Caller:
    caller: Caller = connection.scope[_CALLER]
    return caller


CurrentCaller = Annotated[Caller, Depends(_caller)]


def caller_of(scope: Any) -> Caller | None:
    """Return who sends a request, if its route needs a caller."""
    caller: Caller | None = scope.get(_CALLER)
    return caller


def handler_of(scope: Any) -> str | None:
    """Return the handler that a request was admitted to, or would have been; None for no route."""
    handler: str | None = scope.get(_HANDLER)
    return handler


def act_of(scope: Any) -> str | None:
    """Return the handler whose use is noted: it changes something, and starts no run."""
    handler: str | None = scope.get(_HANDLER)
    is_read = scope["method"] in SAFE_METHODS and handler not in _NOTED
    return None if handler in _UNNOTED or is_read else handler


def require_scopes(router: APIRouter) -> None:
    """Raise LookupError for a route that admits all clients, or whose scope is not known."""
    for route in router.routes:
        if not isinstance(route, AdmittedRoute | APIWebSocketRoute):
            require_scopes(route.original_router)  # type: ignore[attr-defined]
        elif (name := route.endpoint.__name__) not in _KNOWN:
            raise LookupError(f"{name} has no scope: give it one in access/scopes.py.")
        elif isinstance(route, APIWebSocketRoute) and not _is_admitted(route):
            raise LookupError(f"{name} admits all clients: it needs Depends(admit).")


def _is_admitted(route: APIWebSocketRoute) -> bool:
    return any(each.dependency is admit for each in route.dependencies)
