"""`flowc deploy`: makes the workflows of a server those of a folder."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flowc.compiler.diagnostics import DefinitionRefused, Diagnostic, Place
from flowc.compiler.reading.dialects import read_definition
from flowc.server.cases.case_files import SUFFIXES as CASE_SUFFIXES
from flowc.server.cli.arguments import AsJson, ServerOption
from flowc.server.cli.definition_files import ID, SUFFIXES, id_of
from flowc.server.cli.output import DONE, WRONG, print_diagnostics, print_json, read_document, wrong
from flowc.server.cli.run_sources import open_server

if TYPE_CHECKING:
    from flowc.server.cli.server_client import ServerClient

# The label of workflows that a deployment stored: only these are deleted with --prune.
LABEL = "deployed-from"
_SIGNS = {"create": "+", "change": "~", "unchanged": "=", "delete": "-"}


def deploy(
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Folder with definitions.")
    ],
    server: ServerOption = None,
    name: Annotated[
        str | None, typer.Option(help="Name of this deployment; default: that of the folder.")
    ] = None,
    message: Annotated[str | None, typer.Option(help="What the new versions are for.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Only show what would be done.")] = False,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Delete what this deployment stored before and has no file."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Store the definitions of a folder on a server: what is new or changed, all of it or nothing.

    First, the plan is shown, and you are asked. A workflow's id is the `id` in its definition, or
    else the name of its file. The cases of support.yaml are in support.test.yaml, and are stored
    with it; without such a file, those that are there stay. With an error in any of them, nothing
    is stored, and the exit status is 2.
    """
    name = name or folder.resolve().name
    files = _files(folder)
    bundle = _bundle(files, name, message)
    with open_server(server) as client:
        found = client.import_workflows(bundle, dry_run=True)
        gone = _gone(client, name, {each["id"] for each in bundle["workflows"]}) if prune else []
        changes = [each for each in found["workflows"] if each["action"] != "unchanged"]
        if not as_json:
            _show(found["workflows"], gone, files)
        is_wanted = not plan and found["is_valid"] and bool(changes or gone)
        if is_wanted and not yes and not _is_confirmed():
            raise typer.Exit(DONE)
        if is_wanted:
            found = client.import_workflows(bundle, dry_run=False)
            for id in gone:
                client.delete_workflow(id)
    if as_json:
        print_json({**found, "deleted": gone if found["is_stored"] else [], "to_delete": gone})
    elif is_wanted:
        typer.echo("Done.")
    raise typer.Exit(DONE if found["is_valid"] else WRONG)


def _files(folder: Path) -> dict[str, Path]:
    """Return the definition files of a folder and those below, by the ids of their workflows."""
    found: dict[str, Path] = {}
    for file in sorted(each for each in folder.rglob("*") if _is_definition(each)):
        if any(part.startswith(".") for part in file.relative_to(folder).parts):
            continue
        id = _id(file)
        if not ID.fullmatch(id):
            wrong(f"{file}: {id!r} cannot be an id; add an `id` to the definition.")
        if id in found:
            wrong(f"{file}: {found[id]} is the workflow {id!r}, too.")
        found[id] = file
    if not found:
        wrong(f"There is no definition in {folder}: no file that ends with {', '.join(SUFFIXES)}.")
    return found


def _is_definition(file: Path) -> bool:
    return file.suffix in SUFFIXES and not file.name.endswith(CASE_SUFFIXES)


def _cases_of(file: Path) -> dict[str, str]:
    """Return the text of the case file beside a definition, if there is one, as `cases`."""
    beside = [file.with_name(f"{file.stem}{suffix}") for suffix in CASE_SUFFIXES]
    found = next((each for each in beside if each.is_file()), None)
    return {"cases": found.read_text(encoding="utf-8")} if found is not None else {}


def _id(file: Path) -> str:
    try:
        return read_definition(read_document(file)).id or id_of(file) or ""
    except DefinitionRefused:
        # The server says why, with all other mistakes.
        return id_of(file) or ""


def _bundle(files: Mapping[str, Path], name: str, message: str | None) -> dict[str, Any]:
    workflows = [
        {
            "id": id,
            "source": file.read_text(encoding="utf-8"),
            "format": "json" if file.suffix == ".json" else "yaml",
            "message": message,
            "labels": {LABEL: name},
            **_cases_of(file),
        }
        for id, file in files.items()
    ]
    return {"bundle": 1, "workflows": workflows}


def _gone(client: "ServerClient", name: str, ids: set[str]) -> list[str]:
    return [id for id in client.workflow_ids(f"{LABEL}:{name}") if id not in ids]


def _is_confirmed() -> bool:
    if not sys.stdin.isatty():
        wrong("Add --yes to do this without being asked, or --plan to see it alone.")
    return typer.confirm("Do this?")


def _show(planned: Sequence[Any], gone: Sequence[str], files: Mapping[str, Path]) -> None:
    for each in planned:
        version = f"  version {each['version']}" if each["version"] is not None else ""
        typer.echo(f"{_SIGNS[each['action']]} {each['id']:<30} {each['action']}{version}")
    for id in gone:
        typer.echo(f"{_SIGNS['delete']} {id:<30} delete")
    for each in planned:
        file = files[each["id"]]
        found = [_placed(problem, file) for problem in each["diagnostics"]]
        print_diagnostics(found, file.read_text(encoding="utf-8"))
    counts = {action: 0 for action in _SIGNS}
    for each in planned:
        counts[each["action"]] += 1
    counts["delete"] = len(gone)
    typer.echo(
        f"{counts['create']} to create, {counts['change']} to change, {counts['delete']} to delete,"
        f" {counts['unchanged']} unchanged."
    )


def _placed(problem: Mapping[str, Any], file: Path) -> Diagnostic:
    """Return the server's diagnostic with the name that the file has here."""
    place = Place(problem["pointer"], str(file), problem["line"], problem["column"])
    return Diagnostic(
        problem["code"], problem["message"], place, problem["hint"], problem["severity"]
    )
