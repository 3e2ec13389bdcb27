"""Notes in the audit log who changed what, before the answer is sent."""

import logging
from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowc.server.access.audit import Act
from flowc.server.api.admission import act_of, caller_of
from flowc.server.store.access import StoredAudit
from flowc.server.store.database import DATABASE_PROBLEMS

log = logging.getLogger(__name__)

_DETAILS = "flowc.details"


class AuditNotes:
    """Notes each request that changes something, also one that was forbidden."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                await _note(scope, message["status"])
            await send(message)

        await self._app(scope, receive, send_noted)


def note_details(request: HTTPConnection, **details: Any) -> None:
    """Say more about a request than the parameters of its path."""
    request.scope[_DETAILS] = details


async def _note(scope: Scope, status: int) -> None:
    caller, handler = caller_of(scope), act_of(scope)
    if caller is None or handler is None:
        return
    details: dict[str, Any] = {name: str(value) for name, value in scope["path_params"].items()}
    details |= scope.get(_DETAILS, {})
    client = scope.get("client")
    act = Act(
        caller.name,
        handler,
        details,
        status,
        address=client[0] if client else None,
        request_id=scope.get("flowc.request_id"),
    )
    audit: StoredAudit = scope["app"].state.process.audit
    try:
        await audit.add(caller.tenant, act)
    except DATABASE_PROBLEMS:
        log.exception("%s by %s (status %s) is not in the audit log.", handler, caller.name, status)
