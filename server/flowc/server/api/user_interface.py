"""Serves the pages for people, which `make ui` builds from `server/ui`."""

import re
from http import HTTPStatus
from importlib.resources import files
from mimetypes import guess_type
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Route

BASE = "/ui"
BUILT = Path(str(files("flowc.server"))) / "ui"
# Nothing from elsewhere, no script or style in the page, and no text that becomes markup.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
    " font-src 'self'; connect-src 'self'; frame-src 'self' blob:; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_PAGE_HEADERS = {
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
# The name of an asset has a digest of its content in it, but for the icon.
_ASSET_HEADERS = {"cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}
_ICON_HEADERS = {"cache-control": "public, max-age=3600"}
_ASSET_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+")
_THEMES = frozenset({"light", "dark"})
_CODINGS = (("br", ".br"), ("gzip", ".gz"))
_NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>flowc</title>
<h1>The pages are not built</h1>
<p>This is a checkout of the sources. Run <code>make ui</code> in it, and load this page again.</p>
<p>The API works: <a href="/api/v1/docs">its description</a>.</p>
</html>
"""


def add_user_interface(app: FastAPI, built: Path = BUILT) -> None:
    """Serve the pages below `/ui`, and lead there from `/`."""

    async def home(_: Request) -> RedirectResponse:
        return RedirectResponse(f"{BASE}/workflows", HTTPStatus.FOUND)

    async def asset(request: Request) -> Response:
        return _asset(request, built / "assets")

    async def page(request: Request) -> Response:
        return _page(request, built / "index.html")

    app.router.routes += [
        Route("/", home),
        Route(BASE, home),
        Route(f"{BASE}/assets/{{name}}", asset),
        Route(f"{BASE}/{{path:path}}", page),
    ]


def _page(request: Request, index: Path) -> Response:
    """Return the page, which shows what its address asks for, in the theme of the cookie."""
    if not index.is_file():
        return HTMLResponse(_NOT_BUILT, HTTPStatus.SERVICE_UNAVAILABLE)
    text, theme = index.read_text(encoding="utf-8"), request.cookies.get("flowc_theme")
    if theme in _THEMES:
        text = text.replace("<html ", f'<html class="{theme}" ', 1)
    return HTMLResponse(text, headers=_PAGE_HEADERS)


def _asset(request: Request, folder: Path) -> Response:
    name = request.path_params["name"]
    path = folder / name
    if not _ASSET_NAME.fullmatch(name) or not path.is_file():
        return PlainTextResponse("There is no such file.", HTTPStatus.NOT_FOUND)
    headers = _ICON_HEADERS if path.suffix == ".svg" else _ASSET_HEADERS
    accepted = request.headers.get("accept-encoding", "")
    for coding, suffix in _CODINGS:
        packed = folder / f"{name}{suffix}"
        if coding in accepted and packed.is_file():
            headers = {**headers, "content-encoding": coding}
            return FileResponse(packed, headers=headers, media_type=guess_type(name)[0])
    return FileResponse(path, headers=headers, media_type=guess_type(name)[0])
