"""`flowc pull`: writes the workflows of a server to files."""

from pathlib import Path
from typing import Annotated

import typer

from flowc.server.cli.arguments import ServerOption
from flowc.server.cli.output import DONE, WRONG
from flowc.server.cli.run_sources import open_server


def pull(
    ids: Annotated[
        list[str] | None, typer.Argument(help="Ids of workflows, or `id@3`; default: all.")
    ] = None,
    into: Annotated[Path, typer.Option(help="Folder for the files.")] = Path(),
    server: ServerOption = None,
    label: Annotated[
        str | None, typer.Option(help="Only workflows with this label: `team:support`.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that differ.")] = False,
) -> None:
    """Write workflows to files, as their authors sent them: `support` to support.yaml.

    Its cases are in support.test.yaml. A file that has another text stays as it is, unless you say
    --force; the exit status is then 2.
    """
    written: list[bool] = []
    with open_server(server) as client:
        wanted = ids or client.workflow_ids(label)
        into.mkdir(parents=True, exist_ok=True)
        for id in wanted:
            source, format = client.source(id)
            name = id.partition("@")[0]
            written.append(_write(into / f"{name}.{format}", source, is_forced=force))
            cases = client.cases(name)
            if cases is not None:
                written.append(_write(into / f"{name}.test.yaml", cases, is_forced=force))
    raise typer.Exit(DONE if all(written) else WRONG)


def _write(file: Path, text: str, *, is_forced: bool) -> bool:
    """Write a file, unless it has another text; return whether it has this one."""
    if file.exists() and file.read_text(encoding="utf-8") == text:
        typer.echo(f"{file}: unchanged")
        return True
    if file.exists() and not is_forced:
        typer.echo(f"{file}: differs; overwrite it with --force", err=True)
        return False
    file.write_text(text, encoding="utf-8")
    typer.echo(f"{file}: written")
    return True
