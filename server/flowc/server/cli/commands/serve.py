"""`flowc serve`: starts the server."""

import ipaddress
from typing import TYPE_CHECKING, Annotated

import typer

from flowc.compiler.quick_imports import quick_imports
from flowc.server.cli.local_settings import read_settings
from flowc.server.cli.output import wrong

if TYPE_CHECKING:
    from flowc.server.settings import Settings


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 chooses a free one.")] = 8000,
    forwarded_allow_ips: Annotated[
        str,
        typer.Option(
            help="Addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed,"
            " separated by commas."
        ),
    ] = "127.0.0.1,::1",
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
    # Imported here: the other commands need no server.
    with quick_imports():
        from flowc.server.app import create_app  # noqa: PLC0415
        from flowc.server.edge.listening import ListenOptions, listen, read_tls  # noqa: PLC0415
        from flowc.server.logs.log_setup import set_up_logs  # noqa: PLC0415
        from flowc.server.process.process import require_alone  # noqa: PLC0415
        from flowc.server.process.start_problems import start_problem  # noqa: PLC0415
        from flowc.server.process_services import (  # noqa: PLC0415
            ProcessServices,
            SettingsRefused,
        )
        from flowc.server.secrets.core_files import write_no_core_file  # noqa: PLC0415
        from flowc.server.settings import is_sqlite  # noqa: PLC0415

    write_no_core_file()
    settings = read_settings()
    set_up_logs(settings.log_level, settings.log_format)
    if (problem := may_listen(host, settings)) is not None:
        wrong(problem)
    if no_worker and is_sqlite(settings.database):
        wrong("--no-worker needs workers, which need PostgreSQL: set FLOWC_DATABASE_URL.")
    try:
        ProcessServices(settings)
        require_alone(settings)
        tls = read_tls(settings)
    except SettingsRefused as refused:
        wrong(str(refused))
    except OSError as broken:
        wrong(start_problem(broken, settings) or str(broken))
    listen(
        create_app(settings, works=not no_worker, shows_key=_is_loopback(host)),
        settings,
        ListenOptions(host, port, forwarded_allow_ips, tls),
    )


def may_listen(host: str, settings: "Settings") -> str | None:
    """Return why the server may not listen on an address; None if it may."""
    if settings.auth == "on" or _is_loopback(host):
        return None
    return "FLOWC_AUTH is off, so the server can only listen on this machine (127.0.0.1)."


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
