"""`flowc worker`: runs workflows without serving HTTP."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

import typer

from flowc.compiler.node.registry import Registry
from flowc.compiler.quick_imports import quick_imports
from flowc.server.cli.local_settings import read_settings
from flowc.server.cli.output import wrong


def worker() -> None:
    """Run workflows from the queue in PostgreSQL, until stopped.

    FLOWC_DATABASE_URL names the database; any number of workers can share it.
    """
    # Imported here: the other commands need no worker.
    with quick_imports():
        from flowc.server.process.process import open_process  # noqa: PLC0415
        from flowc.server.process.start_problems import start_problem  # noqa: PLC0415
        from flowc.server.process_services import (  # noqa: PLC0415
            ProcessServices,
            SettingsRefused,
        )
        from flowc.server.settings import is_sqlite  # noqa: PLC0415
        from flowc.server.store.database import DATABASE_PROBLEMS  # noqa: PLC0415

    settings = read_settings()
    if is_sqlite(settings.database):
        wrong(
            "Workers need PostgreSQL: set FLOWC_DATABASE_URL. With SQLite, use `flowc serve` alone."
        )
    try:
        ProcessServices(settings)
        asyncio.run(_work(partial(open_process, settings, Registry.installed(), works=True)))
    except SettingsRefused as refused:
        wrong(str(refused))
    except (*DATABASE_PROBLEMS, OSError) as broken:
        wrong(start_problem(broken, settings) or str(broken))


async def _work(open_process: Callable[[AsyncExitStack], Awaitable[object]]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        with quick_imports():
            await open_process(stack)
        typer.echo("flowc worker: ready")
        await stop.wait()
        typer.echo("flowc worker: stopping")
