"""`flowc runs`: which runs are there, and could a new version of their workflow take them over?"""

import asyncio
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flowc.server.cli.arguments import AsJsonList
from flowc.server.cli.output import DONE, FAILED, print_json, wrong

app = typer.Typer(help="Look at the runs that are kept.", no_args_is_help=True)


@app.command("list")
def list_runs(
    workflow: Annotated[str | None, typer.Option(help="Only this workflow's.")] = None,
    status: Annotated[str | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000)] = 20,
    as_json: AsJsonList = False,
) -> None:
    """List runs, newest first."""
    runs = asyncio.run(_runs(workflow, status, limit))
    if as_json:
        print_json([run.as_json() for run in runs])
        return
    table = Table("run", "workflow", "version", "status", "created")
    for run in runs:
        created = f"{run.created_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(run.id, run.workflow_id or "", str(run.version or ""), run.status, created)
    Console().print(table)


@app.command("check-upgrade")
def check_upgrade(
    workflow: Annotated[str, typer.Argument(help="A stored workflow's id.")],
    as_json: AsJsonList = False,
) -> None:
    """Say of each unfinished run whether the newest version could take it over, and why not."""
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


async def _runs(workflow: str | None, status: str | None, limit: int) -> list[Any]:
    from flowc.server.store import open_local  # noqa: PLC0415 - few need it

    async with open_local() as store:
        found, _ = await store.runs.list(limit, 0, workflow, status)
        return list(found)


async def _verdicts(id: str) -> list[Any]:
    from flowc.compiler.reading.dialects import read_definition  # noqa: PLC0415 - few need it
    from flowc.compiler.reading.documents import from_data  # noqa: PLC0415
    from flowc.server.records.runs import UNFINISHED  # noqa: PLC0415
    from flowc.server.store import NoSuchWorkflow, open_local  # noqa: PLC0415
    from flowc.server.workflows.upgrades import judge  # noqa: PLC0415

    async with open_local() as store:
        try:
            newest = await store.workflows.get(id)
        except NoSuchWorkflow:
            wrong(f"There is no workflow {id!r}.")
        new, verdicts = read_definition(from_data(newest.document)), []
        for status in UNFINISHED:
            for short in (await store.runs.list(1_000, 0, id, status))[0]:
                if short.version == newest.version:
                    continue
                document = await store.workflows.document(id, short.version, short.hash)
                old = read_definition(from_data(document))
                verdicts.append(judge(await store.runs.get(short.id), old, new))
        return verdicts
