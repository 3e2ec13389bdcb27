"""The command line `flowc`, with one function for each command."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from flowc.server.cli.commands import (
    check,
    diff,
    evaluate,
    explain,
    export,
    graph,
    ingest,
    nodes,
    push,
    run,
    runs,
    schema,
    serve,
    test,
    worker,
)

app = typer.Typer(
    name="flowc",
    help="Compile workflow definitions to LangGraph, run them, and serve them.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("check")(check.check)
app.command("diff")(diff.diff)
app.command("run")(run.run)
app.command("test")(test.test)
app.command("eval")(evaluate.evaluate)
app.command("graph")(graph.graph)
app.command("nodes")(nodes.nodes)
app.command("schema")(schema.schema)
app.command("export")(export.export)
app.command("explain")(explain.explain)
app.command("ingest")(ingest.ingest)
app.command("serve")(serve.serve)
app.command("worker")(worker.worker)
app.command("push")(push.push)
app.add_typer(runs.app, name="runs")


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"flowc {version('flowc')}")
        raise typer.Exit()


@app.callback()
def _options(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line: exit 0 when done, 1 when a workflow failed, 2 when the usage is wrong.

    However Python was started, usage lines and shell completion call the program `flowc`.
    """
    try:
        app(prog_name="flowc")
    except BrokenPipeError:
        sys.exit(0)
