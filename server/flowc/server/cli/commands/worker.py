"""`flowc worker`: runs workflows without serving HTTP."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from flowc.compiler.node.registry import Registry
from flowc.compiler.quick_imports import quick_imports
from flowc.server.cli.local_settings import read_settings
from flowc.server.cli.output import wrong

if TYPE_CHECKING:
    from flowc.server.edge.worker_port import WorkerPort
    from flowc.server.process.process import Process


def worker(
    metrics_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="Port for `/metrics`, `/ping` and `/health` at FLOWC_METRICS_HOST; 0 chooses a"
            " free one. By default that of FLOWC_METRICS_PORT.",
        ),
    ] = None,
) -> None:
    """Run workflows from the queue in PostgreSQL, until stopped.

    FLOWC_DATABASE_URL names the database; any number of workers can share it.
    """
    # Imported here: the other commands need no worker.
    with quick_imports():
        from flowc.server.logs.log_setup import set_up_logs  # noqa: PLC0415
        from flowc.server.process.process import open_process  # noqa: PLC0415
        from flowc.server.process.start_problems import start_problem  # noqa: PLC0415
        from flowc.server.process_services import (  # noqa: PLC0415
            ProcessServices,
            SettingsRefused,
        )
        from flowc.server.secrets.core_files import write_no_core_file  # noqa: PLC0415
        from flowc.server.settings import is_sqlite  # noqa: PLC0415
        from flowc.server.store.database import DATABASE_PROBLEMS  # noqa: PLC0415

    write_no_core_file()
    settings = read_settings()
    set_up_logs(settings.log_level, settings.log_format)
    if is_sqlite(settings.database):
        wrong(
            "Workers need PostgreSQL: set FLOWC_DATABASE_URL. With SQLite, use `flowc serve` alone."
        )
    try:
        ProcessServices(settings)
        asyncio.run(
            _work(
                partial(open_process, settings, Registry.installed(), works=True),
                settings.metrics_host,
                metrics_port if metrics_port is not None else settings.metrics_port,
            )
        )
    except SettingsRefused as refused:
        wrong(str(refused))
    except (*DATABASE_PROBLEMS, OSError) as broken:
        wrong(start_problem(broken, settings) or str(broken))


async def _work(
    open_process: Callable[[AsyncExitStack], "Awaitable[Process]"], host: str, port: int | None
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        opened = await _open_port(stack, host, port) if port is not None else None
        with quick_imports():
            process = await open_process(stack)
        if opened is not None:
            opened.process = process
        typer.echo("flowc worker: ready")
        await stop.wait()
        typer.echo("flowc worker: stopping")


async def _open_port(stack: AsyncExitStack, host: str, port: int) -> "WorkerPort":
    # Imported here: without a port, a worker serves no HTTP.
    with quick_imports():
        from flowc.server.edge.worker_port import worker_port  # noqa: PLC0415

    opened = await stack.enter_async_context(worker_port(host, port))
    typer.echo(f"flowc worker: metrics and health at {host}:{opened.number}")
    return opened
