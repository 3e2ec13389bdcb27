"""Admits requests: recognises the caller, and checks that it may use the route."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute, APIRouter, APIWebSocketRoute
from starlette.requests import HTTPConnection

from flowc.server.access.callers import Caller
from flowc.server.access.scopes import PUBLIC, ROUTES
from flowc.server.process.gate import Gate

# What a request's scope has the caller under, and the handler that it was admitted to.
_CALLER, _HANDLER = "flowc.caller", "flowc.handler"
# They start runs, which are stored anyway.
_UNNOTED = frozenset({"execute_workflow", "chat", "complete", "respond", "call_mcp"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


async def admit(connection: HTTPConnection) -> None:
    """Admit a WebSocket to the route that it matched; raise Unauthenticated or Forbidden."""
    await admit_to(connection, connection.scope["endpoint"].__name__)


async def admit_to(connection: HTTPConnection, handler: str) -> None:
    """Admit a request to the route of a handler; raise Unauthenticated or Forbidden."""
    connection.scope[_HANDLER] = handler
    if handler in PUBLIC:
        return
    gate: Gate = connection.app.state.process.gate
    caller = await gate.caller(connection.headers.get("authorization"))
    connection.scope[_CALLER] = caller
    caller.require(handler)
    if "workflow_id" in connection.path_params:
        caller.require_workflow(connection.path_params["workflow_id"])


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


def act_of(scope: Any) -> str | None:
    """Return the handler whose use is noted: it changes something, and starts no run."""
    handler: str | None = scope.get(_HANDLER)
    is_noted = handler in ROUTES and handler not in _UNNOTED and scope["method"] not in _SAFE
    return handler if is_noted else None


def require_scopes(router: APIRouter) -> None:
    """Raise LookupError for a route that admits all clients, or whose scope is not known."""
    for route in router.routes:
        if not isinstance(route, AdmittedRoute | APIWebSocketRoute):
            require_scopes(route.original_router)  # type: ignore[attr-defined]
        elif (name := route.endpoint.__name__) not in ROUTES and name not in PUBLIC:
            raise LookupError(f"{name} has no scope: give it one in access/scopes.py.")
        elif isinstance(route, APIWebSocketRoute) and not _is_admitted(route):
            raise LookupError(f"{name} admits all clients: it needs Depends(admit).")


def _is_admitted(route: APIWebSocketRoute) -> bool:
    return any(each.dependency is admit for each in route.dependencies)
