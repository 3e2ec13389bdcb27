"""The server's application: its routes, and what starts and stops with it."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp

from flowc.compiler.node.registry import Registry
from flowc.compiler.quick_imports import quick_imports
from flowc.nodes.services.sandbox import Sandboxes
from flowc.server.api.errors import add_error_handlers
from flowc.server.api.protocols import mcp, openai
from flowc.server.api.resources import (
    debugging,
    dependencies,
    executions,
    files,
    interrupts,
    knowledge,
    operations,
    runs,
    schedules,
    threads,
    webhooks,
    workflows,
)
from flowc.server.api.strict_requests import BodyLimit, RequestId, with_yaml_bodies
from flowc.server.edge.browsers import BrowserGuard
from flowc.server.edge.security_headers import DOCS_POLICY, SecurityHeaders
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
    {"name": "dependencies", "description": "Start a workflow when others have completed."},
    {"name": "runs", "description": "Read, watch, pause, cancel and retry runs."},
    {"name": "debugging", "description": "Replay runs, set breakpoints, look at their state."},
    {"name": "interrupts", "description": "Answer the questions of runs; send them signals."},
    {"name": "schedules", "description": "Start runs at the times of a cron expression."},
    {"name": "webhooks", "description": "Start runs by signed messages; send such messages."},
    {"name": "threads", "description": "Chat with workflows, and read the conversations."},
    {"name": "knowledge", "description": "Upload, ingest and search documents."},
    {"name": "openai", "description": "The OpenAI API; each workflow is a model."},
    {"name": "operations", "description": "Whether the server works."},
]
# Headers that pages of the sites in the setting may send.
_SENDABLE = [
    "authorization",
    "content-type",
    "idempotency-key",
    "last-event-id",
    "mcp-protocol-version",
    "mcp-session-id",
    "x-request-id",
]
# Routes are matched in this order: the first part is what most requests ask for.
PARTS = (
    executions,
    workflows,
    dependencies,
    runs,
    debugging,
    interrupts,
    schedules,
    webhooks,
    threads,
    knowledge,
    files,
)


def create_app(
    settings: Settings | None = None, registry: Registry | None = None, *, works: bool = True
) -> FastAPI:
    """Return the server's application; its database and services open when it starts.

    An application that does not `works` only serves HTTP, and leaves runs to `flowc worker`.
    """
    settings = settings or Settings()
    registry = registry or Registry.installed()
    endpoint = mcp.McpEndpoint(version("flowc"), settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            with quick_imports():
                app.state.process = await open_process(settings, registry, stack, works=works)
            await stack.enter_async_context(endpoint.open(app.state.process))
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
        openapi_url=f"{API}/openapi.json",
        docs_url=f"{API}/docs",
        redoc_url=None,
    )
    add_error_handlers(app)
    for part in PARTS:
        app.include_router(part.router, prefix=API)
    app.include_router(openai.router)
    app.include_router(operations.router)
    app.router.routes.append(Route(mcp.PATH, endpoint))
    # The other parts of an upload come on top of its file.
    by_path = {f"{API}{files.FILES}": settings.max_file_bytes + settings.max_body_bytes}
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes, by_path=by_path)
    _guard(app, settings)
    return app


def _guard(app: FastAPI, settings: Settings) -> None:
    """Refuse what pages of other sites send, but for the sites that the operator names."""
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_credentials=True,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=_SENDABLE,
            expose_headers=["x-request-id", "retry-after"],
        )
    app.add_middleware(
        BrowserGuard,
        hosts=settings.allowed_hosts,
        origins=settings.cors_origins,
        strict_paths={mcp.PATH},
    )


class _DescribedApi(FastAPI):
    def build_middleware_stack(self) -> ASGIApp:
        """Return the application with what every answer has, also that of an error of ours."""
        policies = {f"{API}/docs": DOCS_POLICY, f"{API}/docs/oauth2-redirect": DOCS_POLICY}
        return RequestId(SecurityHeaders(super().build_middleware_stack(), policies))

    def openapi(self) -> dict[str, Any]:
        """Return the description of the API, which is made once."""
        if not self.openapi_schema:
            self.openapi_schema = with_yaml_bodies(super().openapi())
        return self.openapi_schema


async def _test_isolation(app: FastAPI, sandboxes: Sandboxes) -> None:
    """Test sandboxes while the server answers already, and end them: few workflows run code."""
    try:
        app.state.isolation = await sandboxes.isolation()
    except Exception:
        log.exception("The sandboxes cannot be tested.")
        app.state.isolation = dict.fromkeys(sandboxes.names, "none")
    await sandboxes.aclose()
