"""The server's application: its routes, and what starts and stops with it."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from flowc.compiler.node.registry import Registry
from flowc.compiler.quick_imports import quick_imports
from flowc.nodes.services.sandbox import Sandboxes
from flowc.server.access.scopes import FOR_EACH_CALLER, PUBLIC, ROUTES, handler_of
from flowc.server.api import compatibility
from flowc.server.api.admission import admit_to, require_scopes
from flowc.server.api.audit_notes import AuditNotes
from flowc.server.api.docs_page import add_docs_page
from flowc.server.api.errors import add_error_handlers
from flowc.server.api.named_schemas import with_named_schemas
from flowc.server.api.protocols import mcp, openai
from flowc.server.api.request_numbers import RequestNumbers
from flowc.server.api.request_rates import RequestRates
from flowc.server.api.request_spans import RequestSpans
from flowc.server.api.resources import (
    access,
    analytics,
    bundles,
    cases,
    catalogue,
    debugging,
    definition_texts,
    dependencies,
    drafts,
    evaluation,
    executions,
    files,
    graphs,
    interrupts,
    knowledge,
    live_events,
    model_aliases,
    monitoring,
    operations,
    received_messages,
    remote_types,
    runs,
    schedules,
    secrets,
    sessions,
    sign_in,
    tests_of_workflows,
    threads,
    users,
    versions,
    webhooks,
    workflows,
)
from flowc.server.api.session_cookies import CSRF_HEADER, PLAIN_COOKIE
from flowc.server.api.strict_requests import BodyLimit, RequestId, with_yaml_bodies
from flowc.server.api.user_interface import add_user_interface
from flowc.server.edge.browsers import BrowserGuard
from flowc.server.edge.security_headers import DOCS_POLICY, SecurityHeaders
from flowc.server.numbers.metrics import Metrics
from flowc.server.process.browser_grants import BrowserGrants
from flowc.server.process.first_key import make_first_key
from flowc.server.process.process import in_background, open_process
from flowc.server.process_services import new_sandboxes
from flowc.server.settings import Settings

log = logging.getLogger(__name__)

API = "/api/v1"
DESCRIPTION = """
Every error has the form `{"error": {"code", "message", "details", "request_id"}}`. Codes are
stable; messages are for people.
"""
TAGS = [
    {"name": "workflows", "description": "Store definitions in versions, compare and run them."},
    {"name": "authoring", "description": "The node types, and checks of definitions."},
    {"name": "dependencies", "description": "Start a workflow when runs of others have ended."},
    {"name": "runs", "description": "Read, watch, pause, cancel and retry runs."},
    {"name": "debugging", "description": "Replay runs, set breakpoints, look at their state."},
    {"name": "interrupts", "description": "Answer the questions of runs; send them signals."},
    {"name": "schedules", "description": "Start runs at the times of a cron expression."},
    {
        "name": "webhooks",
        "description": "Start runs by messages of other services; send such messages.",
    },
    {"name": "threads", "description": "Chat with workflows, and read the conversations."},
    {"name": "knowledge", "description": "Upload, ingest and search documents."},
    {"name": "analytics", "description": "How runs ended, how long they took, what they cost."},
    {"name": "openai", "description": "The OpenAI API; each workflow is a model."},
    {"name": "compatibility", "description": "The same under the names of other engines."},
    {"name": "access", "description": "API keys, secrets, and the log of who did what."},
    {"name": "operations", "description": "Whether the server works."},
]
# Spans of requests are ours: those of newer versions of FastAPI last as long as a stream, and its
# log contains bodies of requests.
_NO_TELEMETRY: Any = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
# Headers that pages of the sites in the setting may send.
_SENDABLE = [
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "last-event-id",
    "mcp-protocol-version",
    "mcp-session-id",
    "x-request-id",
]
# Routes are matched in this order: the first part is what most requests ask for. Analytics are
# before workflows: `/workflows/analytics/…` is no workflow.
PARTS = (
    executions,
    analytics,
    catalogue,
    definition_texts,
    remote_types,
    evaluation,
    model_aliases,
    graphs,
    workflows,
    versions,
    bundles,
    drafts,
    cases,
    dependencies,
    runs,
    live_events,
    debugging,
    interrupts,
    schedules,
    webhooks,
    received_messages,
    threads,
    knowledge,
    files,
    access,
    users,
    secrets,
    sessions,
    sign_in,
    monitoring,
    tests_of_workflows,
)


def create_app(
    settings: Settings | None = None,
    registry: Registry | None = None,
    *,
    works: bool = True,
    shows_key: bool = False,
) -> FastAPI:
    """Return the server's application; its database and services open when it starts.

    An application that does not `works` only serves HTTP, and leaves runs to `flowc worker`.
    The first API key is in a file of the data folder; with `shows_key`, it is also printed.
    """
    settings = settings or Settings()
    registry = registry or Registry.installed()
    endpoint, metrics = mcp.McpEndpoint(version("flowc"), settings), Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(app.state.rates.aclose)
            with quick_imports():
                app.state.process = await open_process(
                    settings, registry, stack, works=works, metrics=metrics
                )
            app.state.grants = BrowserGrants(app.state.process.gate, settings)
            await make_first_key(settings, app.state.process.gate, is_shown=shows_key)
            await stack.enter_async_context(endpoint.open())
            sandboxes = new_sandboxes()
            stack.push_async_callback(sandboxes.aclose)
            app.state.isolation = dict.fromkeys(sandboxes.names, "testing")
            in_background(stack, _test_isolation(app, sandboxes))
            yield

    app = _DescribedApi(
        title="flowc",
        summary="Stores workflows, runs them durably, and serves them to people and programs.",
        description=DESCRIPTION,
        openapi_tags=TAGS,
        version=version("flowc"),
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
        telemetry=_NO_TELEMETRY,
    )
    app.state.settings = settings
    app.state.rates, app.state.metrics = RequestRates(settings), metrics
    app.state.is_tracing = settings.is_tracing
    add_error_handlers(app)
    for part in PARTS:
        _include(app, part.router, API)
    for router in compatibility.ROUTERS:
        _include(app, router, API)
    for router in (*compatibility.PLAIN_ROUTERS, openai.router):
        _include(app, router)
    _include(app, operations.router)
    _include(app, received_messages.hooks)
    add_docs_page(app, API)
    add_user_interface(app)
    app.router.routes.append(Route(mcp.PATH, _Admitted(endpoint, "call_mcp")))
    # The other parts of an upload come on top of its file.
    by_path = {f"{API}{files.FILES}": settings.max_file_bytes + settings.max_body_bytes}
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes, by_path=by_path)
    app.add_middleware(AuditNotes)
    _guard(app, settings)
    return app


def _include(app: FastAPI, router: APIRouter, prefix: str = "") -> None:
    require_scopes(router)
    app.include_router(router, prefix=prefix)


class _Admitted:
    """An application behind the gate, as the route of a handler would be."""

    def __init__(self, app: mcp.McpEndpoint, handler: str) -> None:
        self._app, self._handler = app, handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await admit_to(Request(scope, receive), self._handler)
        await self._app(scope, receive, send)


def _guard(app: FastAPI, settings: Settings) -> None:
    """Refuse what pages of other sites send, but for the sites that the operator names."""
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            # The session of a browser is for the server's own pages.
            allow_credentials=False,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=_SENDABLE,
            expose_headers=["etag", "x-request-id", "retry-after"],
        )
    app.add_middleware(
        BrowserGuard,
        hosts=settings.allowed_hosts,
        origins=settings.cors_origins,
        strict_paths={mcp.PATH},
        open_paths=received_messages.OPEN_PATHS,
    )


class _DescribedApi(FastAPI):
    def build_middleware_stack(self) -> ASGIApp:
        """Return the application with what every answer has, also that of an error of ours."""
        secure = SecurityHeaders(super().build_middleware_stack(), {f"{API}/docs": DOCS_POLICY})
        numbers = RequestNumbers(secure, self.state.metrics)
        return RequestId(RequestSpans(numbers, is_on=self.state.is_tracing))

    def openapi(self) -> dict[str, Any]:
        """Return the description of the API, which is made once."""
        if not self.openapi_schema:
            described = with_named_schemas(with_yaml_bodies(super().openapi()))
            self.openapi_schema = _with_security(described)
        return self.openapi_schema


def _with_security(description: dict[str, Any]) -> dict[str, Any]:
    """Return a description of the API in which each operation says the scope that it needs."""
    schemes = description["components"].setdefault("securitySchemes", {})
    schemes["bearer"] = {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, or a token (JWT) if the server takes tokens.",
    }
    schemes["session"] = {
        "type": "apiKey",
        "in": "cookie",
        "name": PLAIN_COOKIE,
        "description": "The session of a browser, from `POST /api/v1/session`; with TLS, its name"
        f" begins with `__Host-`. What changes something also needs the header `{CSRF_HEADER}`.",
    }
    for operations_of_path in description["paths"].values():
        for operation in operations_of_path.values():
            operation["security"] = _security_of(handler_of(operation["operationId"]))
    return description


def _security_of(handler: str) -> list[dict[str, list[str]]]:
    if handler in PUBLIC:
        return []
    # Scopes of other schemes than OAuth are only named from OpenAPI 3.1 on.
    scopes = [] if handler in FOR_EACH_CALLER else [ROUTES[handler].value]
    return [{"bearer": scopes}, {"session": scopes}]


async def _test_isolation(app: FastAPI, sandboxes: Sandboxes) -> None:
    """Test sandboxes while the server answers already, and end them: few workflows run code."""
    try:
        app.state.isolation = await sandboxes.isolation()
    except Exception:
        log.exception("The sandboxes cannot be tested.")
        app.state.isolation = dict.fromkeys(sandboxes.names, "none")
    await sandboxes.aclose()
