"""The command line `flowc`, with one function for each command."""

import sys
from typing import Annotated

import typer

from flowc.compiler.extras import absence
from flowc.server.cli.lazy_commands import LazyCommands
from flowc.server.cli.output import WRONG

app = typer.Typer(
    name="flowc",
    cls=LazyCommands,
    help="Compile workflow definitions to LangGraph, run them, and serve them.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        # Imported here, since it is slow.
        from importlib.metadata import version  # noqa: PLC0415

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
    except ModuleNotFoundError as problem:
        lack = absence(problem)
        if lack is None:
            raise
        typer.echo(f"flowc: {lack}", err=True)
        sys.exit(WRONG)
