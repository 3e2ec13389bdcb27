"""The command `flowc`."""

import sys

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
    run,
    runs,
    schema,
    serve,
    test,
    worker,
)

app = typer.Typer(
    name="flowc",
    help="Compile stored workflow definitions to LangGraph, run them, and serve them.",
    no_args_is_help=True,
    add_completion=False,
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
app.add_typer(runs.app, name="runs")
app.command("worker")(worker.worker)


def main() -> None:
    """Run the command line; the status is 0 done, 1 the workflow failed, 2 the usage is wrong."""
    try:
        app()
    except BrokenPipeError:
        sys.exit(0)
