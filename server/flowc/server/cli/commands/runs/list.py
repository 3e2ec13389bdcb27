"""`flowc runs list`: lists stored runs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

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
    # Not a table of rich's, which shortens ids to the width of the terminal.
    rows = [("run", "workflow", "version", "status", "created"), *map(_row, runs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def _row(run: Mapping[str, Any]) -> tuple[str, ...]:
    created = f"{datetime.fromisoformat(run['created_at']):%Y-%m-%d %H:%M:%S}"
    return run["id"], run["workflow_id"] or "", str(run["version"] or ""), run["status"], created
