"""`flowc runs check-upgrade`: shows which unfinished runs a new version could take over."""

import asyncio
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from flowc.server.cli.arguments import AsJsonList
from flowc.server.cli.output import DONE, FAILED, print_json, wrong

# Runs that are looked at.
_MOST = 4_000


def check_upgrade(
    workflow: Annotated[str, typer.Argument(help="Id of a stored workflow.")],
    as_json: AsJsonList = False,
) -> None:
    """Check which unfinished runs the newest version could take over.

    Each run that it could not take over is shown with the reasons, and the exit status is 1.
    """
    verdicts = asyncio.run(_verdicts(workflow))
    if as_json:
        print_json([verdict.as_json() for verdict in verdicts])
    else:
        console = Console(soft_wrap=True, highlight=False)
        for verdict in verdicts:
            sign = "[green]can[/]" if verdict.is_possible else "[red]cannot[/]"
            console.print(f"{verdict.run_id} (version {verdict.version}, {verdict.status}): {sign}")
            for reason in verdict.reasons:
                console.print(f"    {escape(reason)}")
        if not verdicts:
            console.print("No run of an older version is unfinished.")
    raise typer.Exit(DONE if all(verdict.is_possible for verdict in verdicts) else FAILED)


async def _verdicts(id: str) -> list[Any]:
    # Imported here: the other commands read no database.
    from flowc.compiler.reading.dialects import read_definition  # noqa: PLC0415
    from flowc.compiler.reading.documents import from_data  # noqa: PLC0415
    from flowc.server.cli.database_runs import has_database  # noqa: PLC0415
    from flowc.server.records.runs import UNFINISHED  # noqa: PLC0415
    from flowc.server.store import NoSuchWorkflow, open_local  # noqa: PLC0415
    from flowc.server.store.parts import ListPart  # noqa: PLC0415
    from flowc.server.store.runs.stored_runs import WantedRuns  # noqa: PLC0415
    from flowc.server.workflows.upgrades import judge  # noqa: PLC0415

    if not has_database():
        wrong(f"There is no workflow {id!r}.")
    async with open_local() as store:
        try:
            newest = await store.workflows.get(id)
        except NoSuchWorkflow:
            wrong(f"There is no workflow {id!r}.")
        new, verdicts = read_definition(from_data(newest.document)), []
        unfinished = WantedRuns(id, statuses=UNFINISHED)
        for short in (await store.runs.list(ListPart(_MOST), unfinished)).items:
            if short.version == newest.version:
                continue
            document = await store.workflows.document(id, short.version, short.hash)
            old = read_definition(from_data(document))
            verdicts.append(judge(await store.runs.get(short.id), old, new))
        return verdicts
