"""What is the server made of, and in what order does it start and stop?"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from starlette.routing import Route

from flowc.compiler.node.registry import Registry
from flowc.server.api.errors import add_error_handlers
from flowc.server.api.protocols import mcp, openai
from flowc.server.api.resources import (
    debugging,
    dependencies,
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
from flowc.server.api.strict_requests import BodyLimit, RequestId
from flowc.server.process.process import open_process
from flowc.server.settings import Settings

API = "/api/v1"
PARTS = (
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
    """Return the server's application; what it needs is opened when it starts.

    Unless it `works` on runs itself, there have to be workers.
    """
    settings = settings or Settings()
    registry = registry or Registry.installed()
    endpoint = mcp.McpEndpoint(version("flowc"))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            app.state.process = await open_process(settings, registry, stack, works=works)
            endpoint.process = app.state.process
            await stack.enter_async_context(endpoint.sessions.run())
            app.state.isolation = await app.state.process.host.sandboxes.isolation()
            yield

    app = FastAPI(
        title="flowc",
        summary="Runs workflows that compile to LangGraph.",
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
    # Of an upload, what is round the file comes on top.
    by_path = {f"{API}{files.FILES}": settings.max_file_bytes + settings.max_body_bytes}
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes, by_path=by_path)
    app.add_middleware(RequestId)
    return app
