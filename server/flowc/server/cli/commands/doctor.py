"""`flowc doctor`: looks at the set-up, and says what to do."""

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from flowc.server.cli.arguments import AsJsonList
from flowc.server.cli.local_settings import read_settings
from flowc.server.cli.output import DONE, FAILED, print_json

if TYPE_CHECKING:
    from flowc.server.doctor.finding import SetupFinding

_SIGNS = {"ok": "✓", "warning": "!", "failed": "✗"}


def doctor(
    port: Annotated[int, typer.Option(help="Port that the server is to listen on.")] = 8000,
    call_models: Annotated[
        bool, typer.Option("--call-models", help="Call each model once, which can cost something.")
    ] = False,
    as_json: AsJsonList = False,
) -> None:
    """Look at versions, the disk, the database, keys, models and sandboxes; change nothing.

    Each part that is not well has a hint. The exit status is 1 if something does not work.
    """
    found = asyncio.run(_examined(port, call_models, is_shown=not as_json))
    if as_json:
        print_json([each._asdict() for each in found])
    is_well = all(each.verdict != "failed" for each in found)
    _end(DONE if is_well else FAILED)


def _end(status: int) -> NoReturn:
    """End the process at once: native threads of what was looked at can crash while Python ends."""
    sys.stdout.flush()
    os._exit(status)


async def _examined(port: int, call_models: bool, *, is_shown: bool) -> "list[SetupFinding]":
    from flowc.server.doctor.examination import examine  # noqa: PLC0415 - loads the server

    found: list[Any] = []
    async for each in examine(read_settings(), port, calls_models=call_models):
        found.append(each)
        if is_shown:
            typer.echo(f"{_SIGNS[each.verdict]} {each.part}: {each.message}")
            if each.hint is not None:
                typer.echo(f"    {each.hint}")
    return found
