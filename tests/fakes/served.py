"""A server in this process that checks who asks, and callers of it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from fakes.processes import new_database
from flowc.server.app import API, create_app
from flowc.server.settings import Settings


class Served:
    """A server with access control, and keys of all kinds."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient, folder: Path) -> None:
        self.app, self.client, self.folder = app, client, folder
        self.keys: dict[str, str] = {}

    @property
    def admin(self) -> str:
        return (self.folder / "admin-key").read_text().strip()

    async def ask(self, method: str, path: str, key: str | None, **more: Any) -> httpx.Response:
        headers = dict(more.pop("headers", {}))
        if key is not None:
            headers["authorization"] = f"Bearer {key}"
        return await self.client.request(method, path, headers=headers, **more)

    async def new_key(self, **about: Any) -> str:
        body = {"name": "test", **about}
        made = await self.ask("POST", f"{API}/keys", self.admin, json=body)
        assert made.status_code == 201, made.text
        return str(made.json()["key"])


def database_of(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the settings that name the database of a fixture's parameter."""
    if request.param == "sqlite":
        return {}
    made = new_database(request.getfixturevalue("postgres"))
    return {"database_url": made["FLOWC_DATABASE_URL"]}


@asynccontextmanager
async def serving(folder: Path, **settings: Any) -> AsyncIterator[Served]:
    chosen = Settings(**{"data_dir": folder, "auth": "on", "warm_models": False, **settings})
    app = create_app(chosen)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
        yield Served(app, await stack.enter_async_context(client), folder)
