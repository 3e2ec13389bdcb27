"""`flowc runs watch`: follows a run until it ends."""

import json
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from flowc.compiler.running.events import EventKind
from flowc.server.cli.arguments import RunArgument, ServerOption
from flowc.server.cli.output import DONE, FAILED
from flowc.server.cli.run_sources import open_server
from flowc.server.cli.run_view import event_line, node_line, show_end, waits_for


def watch_run(
    run_id: RunArgument,
    server: ServerOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each event as one line of JSON.")
    ] = False,
) -> None:
    """Follow a run until it ends: each node as it finishes, then the output.

    The exit status is 1 if the run fails or is cancelled.
    """
    console = Console(highlight=False, soft_wrap=True, quiet=as_json)
    with open_server(server) as client:
        for event in client.events(run_id):
            if as_json:
                sys.stdout.write(json.dumps(event, ensure_ascii=False) + "\n")
                sys.stdout.flush()
            elif (line := _line(run_id, event)) is not None:
                console.print(line)
        run = client.run(run_id)
    show_end(console, run)
    raise typer.Exit(DONE if run["status"] == "completed" else FAILED)


def _line(run_id: str, event: Mapping[str, Any]) -> Text | None:
    kind, data = event["kind"], event["data"]
    if kind == EventKind.RUN_PAUSED:
        return Text("  paused", style="dim")
    if event["node_id"] is None:
        return None
    name = f"{event['path']}{event['node_id']}"
    if kind != EventKind.NODE_WAITING:
        return event_line(kind, name, data)
    # A container whose body waits has no interrupt of its own.
    interrupt = data["interrupt"]
    if interrupt is None:
        return None
    how = f" (flowc runs answer {run_id})" if interrupt["kind"] == "human" else ""
    more = f" for {waits_for(interrupt['kind'], interrupt['data'])}{how}"
    return node_line("waiting", name, more=more)
