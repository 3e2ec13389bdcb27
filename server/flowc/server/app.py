"""What is the server made of, and in what order does it start and stop?"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from flowc.compiler.registry import Registry
from flowc.server.api import operations, runs, workflows
from flowc.server.api.errors import add_error_handlers
from flowc.server.api.limits import BodyLimit, RequestId
from flowc.server.api.parts import Parts
from flowc.server.checkpoints import open_saver
from flowc.server.host import Host
from flowc.server.self_test import self_test
from flowc.server.service import Runs, Workflows
from flowc.server.settings import Settings
from flowc.server.store import TENANT, Database, StoredCache, StoredRuns, StoredWorkflows

API = "/api/v1"


def create_app(settings: Settings | None = None, registry: Registry | None = None) -> FastAPI:
    """Return the server's application; what it needs is opened when it starts."""
    settings = settings or Settings()
    registry = registry or Registry.installed()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            app.state.parts = await _open(settings, registry, stack)
            yield

    app = FastAPI(
        title="flowc",
        summary="Runs workflows that compile to LangGraph.",
        version="0.1.0",
        lifespan=lifespan,
        openapi_url=f"{API}/openapi.json",
        docs_url=f"{API}/docs",
        redoc_url=None,
    )
    add_error_handlers(app)
    app.include_router(workflows.router, prefix=API)
    app.include_router(runs.router, prefix=API)
    app.include_router(operations.router)
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    app.add_middleware(RequestId)
    return app


async def _open(settings: Settings, registry: Registry, stack: AsyncExitStack) -> Parts:
    await self_test()
    database = await Database.open(settings.data_dir / "flowc.db")
    stack.push_async_callback(database.close)
    cache = StoredCache(database, TENANT)
    await cache.prune()
    host = Host(settings, cache)
    stack.push_async_callback(host.aclose)
    saver = await stack.enter_async_context(open_saver(settings.data_dir / "checkpoints.db"))
    kept, runs = StoredWorkflows(database, TENANT), StoredRuns(database, TENANT)
    await runs.fail_unfinished()
    return Parts(
        store=kept,
        stored_runs=runs,
        workflows=Workflows(kept, registry),
        runs=Runs(runs, kept, host, saver, settings),
        isolation=await host.sandboxes.isolation(),
    )
