"""`flowc runs list`: lists stored runs."""

from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from flowc.server.cli.arguments import AsJsonList, ReadServerOption
from flowc.server.cli.output import print_json
from flowc.server.cli.run_sources import open_runs


def list_runs(
    workflow: Annotated[str | None, typer.Option(help="Only runs of this workflow.")] = None,
    status: Annotated[str | None, typer.Option(help="Only runs with this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Most runs to list.")] = 20,
    server: ReadServerOption = None,
    as_json: AsJsonList = False,
) -> None:
    """List runs, newest first."""
    with open_runs(server) as source:
        runs = source.runs(workflow, status, limit)
    if as_json:
        print_json(runs)
        return
    if not runs:
        which = "matching runs" if workflow or status else "runs"
        typer.echo(f"There are no {which} in {source.place}.")
        return
    table = Table("run", "workflow", "version", "status", "created")
    for run in runs:
        created = f"{datetime.fromisoformat(run['created_at']):%Y-%m-%d %H:%M:%S}"
        version = str(run["version"] or "")
        table.add_row(run["id"], run["workflow_id"] or "", version, run["status"], created)
    Console().print(table)
