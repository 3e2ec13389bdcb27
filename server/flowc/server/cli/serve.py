"""`flowc serve`: the server, with nothing else to start."""

import ipaddress
from typing import Annotated

import typer

from flowc.server.cli.output import wrong


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")
    ] = 8000,
) -> None:
    """Serve workflows over HTTP, keeping everything in the data directory (SQLite)."""
    if not _is_loopback(host):
        wrong("There are no accounts yet, so the server listens on this machine alone (127.0.0.1).")
    # Imported here: the other commands do without a server.
    import uvicorn  # noqa: PLC0415

    from flowc.nodes.services.models import ModelsFileRefused  # noqa: PLC0415
    from flowc.server.app import create_app  # noqa: PLC0415
    from flowc.server.host import Host, SettingsRefused  # noqa: PLC0415
    from flowc.server.settings import Settings  # noqa: PLC0415

    settings = Settings()
    try:
        Host(settings)
    except (SettingsRefused, ModelsFileRefused) as problem:
        wrong(str(problem))
    uvicorn.run(create_app(settings), host=host, port=port, log_level="info", server_header=False)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
