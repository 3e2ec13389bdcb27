"""`flowc serve`: starts the server."""

import ipaddress
from typing import Annotated

import typer

from flowc.compiler.quick_imports import quick_imports
from flowc.server.cli.local_settings import read_settings
from flowc.server.cli.output import wrong


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 chooses a free one.")] = 8000,
    no_worker: Annotated[
        bool,
        typer.Option(
            "--no-worker", help="Only serve HTTP; `flowc worker` processes run the workflows."
        ),
    ] = False,
) -> None:
    """Serve workflows over HTTP and run them.

    Workflows and runs are stored in the data directory, or in the database of FLOWC_DATABASE_URL.
    """
    if not _is_loopback(host):
        wrong("The server has no accounts yet, so it can only listen on this machine (127.0.0.1).")
    # Imported here: the other commands need no server.
    with quick_imports():
        from flowc.server.app import create_app  # noqa: PLC0415
        from flowc.server.edge.listening import ListenOptions, listen  # noqa: PLC0415
        from flowc.server.process.process import require_alone  # noqa: PLC0415
        from flowc.server.process_services import (  # noqa: PLC0415
            ProcessServices,
            SettingsRefused,
        )
        from flowc.server.settings import is_sqlite  # noqa: PLC0415

    settings = read_settings()
    if no_worker and is_sqlite(settings.database):
        wrong("--no-worker needs workers, which need PostgreSQL: set FLOWC_DATABASE_URL.")
    try:
        ProcessServices(settings)
        require_alone(settings)
    except SettingsRefused as problem:
        wrong(str(problem))
    listen(create_app(settings, works=not no_worker), settings, ListenOptions(host, port))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
