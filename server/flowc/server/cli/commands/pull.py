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

    A file that has another text stays as it is, unless you say --force; the exit status is then 2.
    """
    is_all_written = True
    with open_server(server) as client:
        wanted = ids or client.workflow_ids(label)
        into.mkdir(parents=True, exist_ok=True)
        for id in wanted:
            source, format = client.source(id)
            file = into / f"{id.partition('@')[0]}.{format}"
            if file.exists() and file.read_text(encoding="utf-8") == source:
                typer.echo(f"{file}: unchanged")
            elif file.exists() and not force:
                is_all_written = False
                typer.echo(f"{file}: differs; overwrite it with --force", err=True)
            else:
                file.write_text(source, encoding="utf-8")
                typer.echo(f"{file}: written")
    raise typer.Exit(DONE if is_all_written else WRONG)
