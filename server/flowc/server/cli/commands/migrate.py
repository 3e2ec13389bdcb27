"""`flowc migrate`: creates the tables of the database, or upgrades them."""

import asyncio

import typer

from flowc.compiler.quick_imports import quick_imports
from flowc.server.cli.local_settings import read_settings
from flowc.server.cli.output import wrong


def migrate() -> None:
    """Bring the database to the newest schema, and end.

    `flowc serve` and `flowc worker` do that when they start, too. This command does it before, such
    as in a deployment whose processes may not change tables.
    """
    # Imported here: the other commands need no database.
    with quick_imports():
        from flowc.server.engine.queue.dbos_queue import Queue  # noqa: PLC0415
        from flowc.server.process.process import require_alone  # noqa: PLC0415
        from flowc.server.process.start_problems import start_problem  # noqa: PLC0415
        from flowc.server.process_services import SettingsRefused  # noqa: PLC0415
        from flowc.server.store.database import DATABASE_PROBLEMS, Database  # noqa: PLC0415
        from flowc.server.store.schema import newest_revision  # noqa: PLC0415

    settings = read_settings()

    async def upgrade() -> None:
        database = await Database.open(settings.database)
        await database.close()
        queue = Queue(settings.database)
        await queue.set_up()
        queue.close()

    try:
        require_alone(settings)
        asyncio.run(upgrade())
    except SettingsRefused as refused:
        wrong(str(refused))
    except (*DATABASE_PROBLEMS, OSError) as broken:
        wrong(start_problem(broken, settings) or str(broken))
    typer.echo(f"The database has the newest schema, {newest_revision()}.")
