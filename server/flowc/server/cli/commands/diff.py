"""`flowc diff`: shows how the meaning of a definition has changed."""

import asyncio
import difflib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from flowc.compiler.definition import WorkflowDefinition
from flowc.compiler.reading.dialects import read_definition
from flowc.compiler.reading.documents import Document, from_data
from flowc.compiler.reports.comparison import Change, compare
from flowc.server.cli.arguments import AsJson
from flowc.server.cli.completion import complete_definition
from flowc.server.cli.definition_files import read_scope
from flowc.server.cli.output import DONE, FAILED, print_json, wrong

_STORED = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]*)@(\d+)")
_SIGNS = {"added": "[green]+[/]", "removed": "[red]-[/]"}


def diff(
    old: Annotated[
        str,
        typer.Argument(
            help="File, or ID@VERSION of a stored workflow.", autocompletion=complete_definition
        ),
    ],
    new: Annotated[
        str,
        typer.Argument(
            help="File, or ID@VERSION of a stored workflow.", autocompletion=complete_definition
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Show what changed in meaning between two definitions.

    Also shows which unfinished runs are pinned to the old one. The exit status is 1 if they differ.
    """
    before, after = _read(old), _read(new)
    changes = compare(before.workflow, after.workflow)
    runs = asyncio.run(_unfinished(before)) if changes else []
    if as_json:
        print_json({"changes": [change.as_json() for change in changes], "waiting_runs": runs})
    else:
        _show(Console(soft_wrap=True, highlight=False), changes, runs)
    raise typer.Exit(FAILED if changes else DONE)


@dataclass(frozen=True)
class _Side:
    """One of the two definitions; its runs are pinned to its hash, or to its version if stored."""

    workflow: WorkflowDefinition
    hash: str
    version: tuple[str, int] | None = None


def _read(name: str) -> _Side:
    stored = _STORED.fullmatch(name)
    if stored is None or Path(name).exists():
        scope = read_scope(Path(name))
        return _Side(scope.workflow, scope.hash)
    version = (stored[1], int(stored[2]))
    workflow = read_definition(asyncio.run(_from_store(*version)))
    return _Side(workflow, workflow.hash, version)


async def _from_store(id: str, version: int) -> Document:
    from flowc.server.cli.database_runs import has_database  # noqa: PLC0415 - few need it
    from flowc.server.store import NoSuchWorkflow, open_local  # noqa: PLC0415

    if not has_database():
        wrong(f"There is no version {version} of a workflow {id!r}.")
    async with open_local() as store:
        try:
            return from_data((await store.workflows.get(id, version)).document)
        except NoSuchWorkflow:
            wrong(f"There is no version {version} of a workflow {id!r}.")


async def _unfinished(side: _Side) -> list[str]:
    from flowc.server.cli.database_runs import has_database  # noqa: PLC0415 - few need it
    from flowc.server.store import open_local  # noqa: PLC0415

    if not has_database():
        return []
    async with open_local() as store:
        return list(await store.runs.unfinished(side.hash, side.version))


def _show(console: Console, changes: list[Change], runs: list[str]) -> None:
    if not changes:
        console.print("The meaning has not changed.")
    for change in changes:
        console.print(
            f"{_SIGNS.get(change.kind, '[yellow]~[/]')} {escape(change.subject)}{_how(change)}"
        )
        if isinstance(change.before, str) and isinstance(change.after, str):
            _show_texts(console, change)
    if changes:
        waiting = f": {', '.join(runs[:10])}" if runs else ""
        console.print(f"{len(runs)} unfinished run(s) are pinned to the old definition{waiting}")


def _how(change: Change) -> str:
    if change.kind == "renamed":
        return f" is now called {escape(str(change.after))}"
    if isinstance(change.before, str) and isinstance(change.after, str):
        return ""
    if change.kind == "changed":
        return f": {_short(change.before)} → {_short(change.after)}"
    value = change.after if change.kind == "added" else change.before
    return f": {_short(value)}" if value is not None else ""


def _show_texts(console: Console, change: Change) -> None:
    if change.kind != "changed":
        return
    lines = difflib.unified_diff(
        change.before.splitlines(), change.after.splitlines(), lineterm="", n=1
    )
    for line in list(lines)[2:]:
        if not line.startswith("@@"):
            style = {"+": "green", "-": "red"}.get(line[:1], "dim")
            console.print(f"    [{style}]{escape(line)}[/]")


def _short(value: Any) -> str:
    """Return a value as JSON, at most 100 characters long.

    >>> _short({"a": 1}), len(_short("long" * 100))
    ('{"a": 1}', 100)
    """
    text = json.dumps(value, ensure_ascii=False)
    return escape(text if len(text) <= 100 else f"{text[:97]}...")
