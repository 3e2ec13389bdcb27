"""`flowc diff`: what changed in meaning, and which runs wait on the old definition?"""

import asyncio
import difflib
import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from flowc.compiler.comparison import Change, compare
from flowc.compiler.definition import WorkflowDefinition
from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.dialects import read_definition
from flowc.compiler.documents import Document, from_data
from flowc.compiler.draft import new_draft
from flowc.compiler.registry import Registry
from flowc.server.cli.library import id_of, library_beside
from flowc.server.cli.output import (
    DONE,
    FAILED,
    WRONG,
    print_diagnostics,
    print_json,
    read_document,
    wrong,
)

_STORED = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]*)@(\d+)")
_SIGNS = {"added": "[green]+[/]", "removed": "[red]-[/]"}


def diff(
    old: Annotated[str, typer.Argument(help="A file, or ID@VERSION of a stored workflow.")],
    new: Annotated[str, typer.Argument(help="The same.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say what changed in meaning, and which unfinished runs are pinned to the old definition."""
    before, hash = _read(old)
    after, _ = _read(new)
    changes = compare(before, after)
    runs = asyncio.run(_unfinished(hash)) if changes else []
    if as_json:
        print_json({"changes": [change.as_json() for change in changes], "waiting_runs": runs})
    else:
        _show(Console(soft_wrap=True, highlight=False), changes, runs)
    raise typer.Exit(FAILED if changes else DONE)


def _read(name: str) -> tuple[WorkflowDefinition, str]:
    """Return a definition, and the hash that its runs are pinned to."""
    document: Document | None = None
    try:
        stored = _STORED.fullmatch(name)
        if stored is not None and not Path(name).exists():
            document = asyncio.run(_from_store(stored[1], int(stored[2])))
            return (workflow := read_definition(document)), workflow.hash
        file = Path(name)
        document = read_document(file)
        workflow = read_definition(document)
        draft = new_draft(workflow, Registry.installed(), library_beside(file), id_of(file))
        return workflow, draft.hash
    except DefinitionRefused as refused:
        print_diagnostics(refused.diagnostics, document.text if document else None)
        raise typer.Exit(WRONG) from None


async def _from_store(id: str, version: int) -> Document:
    from flowc.server.store import NoSuchWorkflow, open_local  # noqa: PLC0415 - few need it

    async with open_local() as store:
        try:
            return from_data((await store.workflows.get(id, version)).document)
        except NoSuchWorkflow:
            wrong(f"There is no workflow {id!r} in version {version}.")


async def _unfinished(hash: str) -> list[str]:
    from flowc.server.store import open_local  # noqa: PLC0415 - few need it

    async with open_local() as store:
        return list(await store.runs.unfinished(hash))


def _show(console: Console, changes: list[Change], runs: list[str]) -> None:
    if not changes:
        console.print("Nothing changed in meaning.")
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
        return f" is called {escape(str(change.after))} now"
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
    text = json.dumps(value, ensure_ascii=False)
    return escape(text if len(text) <= 100 else f"{text[:97]}...")
