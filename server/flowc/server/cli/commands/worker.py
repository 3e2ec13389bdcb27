"""`flowc worker`: work on runs, beside other workers, without serving HTTP."""

import asyncio
import signal
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import typer

from flowc.server.cli.output import wrong

if TYPE_CHECKING:
    from flowc.server.settings import Settings


def worker() -> None:
    """Work on the runs in the database that FLOWC_DATABASE_URL names, until told to stop."""
    # Imported here: the other commands do without.
    from flowc.server.host import Host, SettingsRefused  # noqa: PLC0415
    from flowc.server.settings import Settings  # noqa: PLC0415
    from flowc.server.store.database import is_sqlite  # noqa: PLC0415

    settings = Settings()
    if is_sqlite(settings.database):
        wrong("A SQLite file has one process, `flowc serve`; for workers, set FLOWC_DATABASE_URL.")
    try:
        Host(settings)
        asyncio.run(_work(settings))
    except SettingsRefused as problem:
        wrong(str(problem))


async def _work(settings: "Settings") -> None:
    from flowc.compiler.node.registry import Registry  # noqa: PLC0415
    from flowc.server.process.process import open_process  # noqa: PLC0415

    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    async with AsyncExitStack() as stack:
        await open_process(settings, Registry.installed(), stack, works=True)
        typer.echo("flowc worker: at work")
        await told.wait()
        typer.echo("flowc worker: stopping")
