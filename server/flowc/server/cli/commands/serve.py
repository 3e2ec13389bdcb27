"""`flowc serve`: the server, with nothing else to start."""

import ipaddress
from typing import Annotated

import typer

from flowc.server.cli.output import wrong

# Seconds; longer than what proxies keep an idle connection for, so that it is they who close it: a
# request that is sent just while the server does meets no answer.
_KEEP_ALIVE = 75


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")
    ] = 8000,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Leave the work to `flowc worker`.")
    ] = False,
) -> None:
    """Serve workflows over HTTP, and work on their runs; all that is kept is in one database."""
    if not _is_loopback(host):
        wrong("There are no accounts yet, so the server listens on this machine alone (127.0.0.1).")
    # Imported here: the other commands do without a server.
    import uvicorn  # noqa: PLC0415

    from flowc.server.app import create_app  # noqa: PLC0415
    from flowc.server.host import Host, SettingsRefused  # noqa: PLC0415
    from flowc.server.process.process import require_alone  # noqa: PLC0415
    from flowc.server.settings import Settings  # noqa: PLC0415
    from flowc.server.store.database import is_sqlite  # noqa: PLC0415

    settings = Settings()
    if no_worker and is_sqlite(settings.database):
        wrong("Workers of their own need PostgreSQL: set FLOWC_DATABASE_URL.")
    try:
        Host(settings)
        require_alone(settings)
    except SettingsRefused as problem:
        wrong(str(problem))
    app = create_app(settings, works=not no_worker)
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_level="info",
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
