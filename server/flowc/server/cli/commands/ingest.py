"""`flowc ingest`: adds the documents of a folder to a collection."""

import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from flowc.compiler.extras import how_to_install, missing_packages
from flowc.server.cli.arguments import AsJson
from flowc.server.cli.local_settings import read_settings
from flowc.server.cli.output import DONE, FAILED, print_json, wrong

if TYPE_CHECKING:
    from flowc.server.settings import Settings

_SHOWN = ("added", "changed", "unchanged", "removed", "failed", "passages", "embedded", "cached")


def ingest(
    path: Annotated[Path, typer.Argument(help="Folder or file.", exists=True)],
    collection: Annotated[str, typer.Option(help="Collection; created if it does not exist.")],
    pattern: Annotated[str, typer.Option(help="Which files of the folder, such as *.pdf.")] = "*",
    model: Annotated[
        str | None, typer.Option(help="Embedding model (default: the collection's).")
    ] = None,
    size: Annotated[int, typer.Option(min=8, max=32_000, help="Chunk size in tokens.")] = 512,
    overlap: Annotated[
        int | None,
        typer.Option(min=0, help="Overlap of chunks in tokens (default: an eighth of the size)."),
    ] = None,
    ocr: Annotated[
        bool, typer.Option("--ocr", help="Recognise the text of scanned pages.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep documents that are no longer in the folder.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add new and changed documents to a collection.

    Unchanged documents are not read or embedded again. It is an ordinary run: if interrupted, the
    next `flowc ingest` or `flowc serve` resumes it.
    """
    lacking = [extra for extra in ("rag", "server") if missing_packages(extra)]
    if lacking:
        wrong(f"`flowc ingest` needs more packages. Install them: {how_to_install(*lacking)}")
    from flowc.server.process_services import SettingsRefused  # noqa: PLC0415 - the other commands need none

    # Without `..`, but with links as they are: readable folders are compared by their names.
    root = Path(os.path.abspath(path))
    given = _checked({
        "paths": [str(root)], "pattern": pattern, "removes": not keep, "ocr": ocr, "model": model,
        "chunking": {"size": size, **({} if overlap is None else {"overlap": overlap})},
    })  # fmt: skip
    console = Console(stderr=True, quiet=as_json)
    try:
        run = asyncio.run(_run(_settings(root), {**given, "collection": collection}, console))
    except SettingsRefused as problem:
        wrong(str(problem))
    _show(run, as_json)
    raise typer.Exit(DONE if run.status == "completed" else FAILED)


def _checked(what: dict[str, Any]) -> dict[str, Any]:
    from pydantic import ValidationError  # noqa: PLC0415 - the other commands need none

    from flowc.nodes.documents.ingest import IngestSettings  # noqa: PLC0415

    try:
        return IngestSettings.model_validate(what).model_dump()
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        wrong(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.")


def _settings(root: Path) -> "Settings":
    """Return the operator's settings, with this folder among those that may be read."""
    known, folder = read_settings(), root if root.is_dir() else root.parent
    changed = {"document_dirs": [*known.document_dirs, folder], "warm_models": False}
    return known.model_copy(update=changed)


async def _run(settings: "Settings", given: dict[str, Any], console: Console) -> Any:
    from flowc.compiler.node.registry import Registry  # noqa: PLC0415 - the other commands need none
    from flowc.server.process.process import open_process  # noqa: PLC0415

    async with AsyncExitStack() as stack:
        process = await open_process(settings, Registry.installed(), stack, works=True)
        tenant = process.default
        compiled = await tenant.workflows.ingestion()
        run = await tenant.runs.submit(compiled, given, is_awaited=True)
        bar = stack.enter_context(_progress(console))
        show = partial(_show_progress, bar, bar.add_task("documents", total=None, passages=0))
        async for event in tenant.runs.events(run.id):
            show(event.data.get("kind"), event.data.get("data", {}))
        return await tenant.stored_runs.get(run.id)


def _show_progress(bar: Progress, task: TaskID, kind: str, data: Mapping[str, Any]) -> None:
    if kind == "documents":
        bar.update(task, total=data["total"])
    elif kind == "document" and data["status"] != "removed":
        bar.advance(task)
        if data["status"] == "failed":
            source, why = escape(data["source"]), escape(data["message"])
            bar.console.print(f"[red]✗[/] {source}: {why}", soft_wrap=True)
    elif kind == "progress":
        bar.update(task, passages=data["passages"])


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[passages]} passages"),
        TimeElapsedColumn(),
        console=console,
    )


def _show(run: Any, as_json: bool) -> None:
    if as_json:
        shown = {"status": run.status, "run_id": run.id, "output": run.output, "error": run.error}
        print_json(shown)
        return
    console = Console(highlight=False, soft_wrap=True)
    if run.error is not None:
        console.print(f"[red]failed:[/] {escape(run.error['message'])}")
        return
    report = run.output
    console.print(", ".join(f"{report[name]} {name}" for name in _SHOWN))
    console.print(f"{report['tokens']} tokens, {report['cost']:.6f} US dollars", style="dim")
