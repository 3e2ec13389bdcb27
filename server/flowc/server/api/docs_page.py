"""The page that shows the API: Swagger UI, served from here, so that it needs no internet."""

from importlib.resources import files

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

_ASSETS = "docs/assets"


def add_docs_page(app: FastAPI, base: str) -> None:
    """Serve the page at `docs` below a base."""
    page = get_swagger_ui_html(
        openapi_url=f"{base}/openapi.json",
        title="flowc: the API",
        swagger_js_url=f"{base}/{_ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{base}/{_ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{base}/{_ASSETS}/favicon.png",
    )

    async def docs(_: object) -> HTMLResponse:
        return page

    assets = StaticFiles(directory=str(files("fastapi_offline") / "static"))
    app.router.routes += [
        Route(f"{base}/docs", docs),
        Mount(f"{base}/{_ASSETS}", assets),
    ]
