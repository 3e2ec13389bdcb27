"""`flowc runs cancel`: ends a run."""

from typing import Annotated

import typer

from flowc.server.cli.arguments import AsJson, RunArgument, ServerOption
from flowc.server.cli.output import print_json
from flowc.server.cli.run_sources import open_server


def cancel_run(
    run_id: RunArgument,
    reason: Annotated[str | None, typer.Option(help="Reason, shown as the run's error.")] = None,
    server: ServerOption = None,
    as_json: AsJson = False,
) -> None:
    """Cancel a run at once, wherever it is running."""
    with open_server(server) as client:
        run = client.cancel(run_id, reason)
    if as_json:
        print_json(run)
    else:
        typer.echo(f"The run {run_id} is cancelled.")
