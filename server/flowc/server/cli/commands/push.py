"""`flowc push`: stores definitions on a server."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from flowc.compiler.diagnostics import DefinitionRefused, Diagnostic, Pointer
from flowc.compiler.reading.dialects import read_definition
from flowc.compiler.reading.documents import Document
from flowc.server.cli.arguments import AsJsonList, DefinitionFiles, ServerOption
from flowc.server.cli.definition_files import ID, id_of
from flowc.server.cli.output import DONE, WRONG, print_diagnostics, print_json, read_document, wrong
from flowc.server.cli.run_sources import open_server

if TYPE_CHECKING:
    from flowc.server.cli.server_client import ServerClient


def push(files: DefinitionFiles, server: ServerOption = None, as_json: AsJsonList = False) -> None:
    """Store definitions on a server, as new workflows or new versions.

    A workflow's id is the `id` in its definition, or else the name of the file without its suffix.
    Files that run each other's workflows can be pushed in any order. A definition with errors is
    not stored; the exit status is then 2.
    """
    definitions = [_read(file) for file in dict.fromkeys(files)]
    with open_server(server) as client:
        pushed = _push_all(client, definitions)
    if as_json:
        print_json([each.as_json() for each in pushed])
    else:
        for each in pushed:
            _show(each)
    raise typer.Exit(DONE if all(each.stored for each in pushed) else WRONG)


@dataclass(frozen=True)
class _Definition:
    """A definition to be stored; without a document, why the file cannot be read."""

    file: Path
    document: Document | None
    id: str | None = None
    problems: Sequence[Diagnostic] = ()


@dataclass(frozen=True)
class _Pushed:
    """What the server stored, with its warnings, or why it did not."""

    definition: _Definition
    stored: Mapping[str, Any] | None
    problems: Sequence[Diagnostic]

    def as_json(self) -> dict[str, Any]:
        stored = self.stored or {}
        return {
            "file": str(self.definition.file),
            "id": stored.get("id"),
            "version": stored.get("version"),
            "diagnostics": [problem.as_json() for problem in self.problems],
        }


def _read(file: Path) -> _Definition:
    document: Document | None = None
    try:
        document = read_document(file)
        id = read_definition(document).id or id_of(file)
    except DefinitionRefused as refused:
        return _Definition(file, document, problems=refused.diagnostics)
    if id is not None and not ID.fullmatch(id):
        wrong(f"{file}: {id!r} cannot be an id; add an `id` to the definition.")
    return _Definition(file, document, id)


def _push_all(client: "ServerClient", definitions: Sequence[_Definition]) -> list[_Pushed]:
    results: dict[Path, _Pushed] = {}
    left = definitions
    while left:
        results.update((each.file, _push(client, each)) for each in left)
        refused = [each for each in left if results[each.file].stored is None]
        # A definition may run one that comes later: try again as long as others get stored.
        left = refused if len(refused) < len(left) else []
    return [results[each.file] for each in definitions]


def _push(client: "ServerClient", definition: _Definition) -> _Pushed:
    from flowc.server.cli.server_client import ServerProblem  # noqa: PLC0415 - loads HTTP

    document = definition.document
    if document is None or definition.problems:
        return _Pushed(definition, None, definition.problems)
    try:
        format = "json" if definition.file.suffix == ".json" else "yaml"
        stored = client.store_workflow(definition.id, document.text or "", format)
        warnings = [_placed(each, document) for each in stored.get("warnings", ())]
        return _Pushed(definition, stored, warnings)
    except ServerProblem as problem:
        if problem.code != "definition-refused":
            raise
        return _Pushed(definition, None, [_placed(each, document) for each in problem.details])


def _placed(detail: Mapping[str, Any], document: Document) -> Diagnostic:
    """Return the server's diagnostic with its line here: the server has only the data."""
    place = document.place(_path(str(detail["pointer"]), document.data))
    return Diagnostic(detail["code"], detail["message"], place, detail["hint"], detail["severity"])


def _path(pointer: str, data: Any) -> Pointer:
    """Return the path that a JSON Pointer names in data.

    >>> _path("/nodes/0/a~1b", {"nodes": [{"a/b": 1}]})
    ('nodes', 0, 'a/b')
    """
    path: list[str | int] = []
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        is_index = isinstance(data, list) and re.fullmatch(r"\d+", key)
        path.append(int(key) if is_index else key)
        data = _inside(data, path[-1])
    return tuple(path)


def _inside(data: Any, key: str | int) -> Any:
    try:
        return data[key]
    except (LookupError, TypeError):
        return None


def _show(pushed: _Pushed) -> None:
    if pushed.stored is not None:
        stored = pushed.stored
        typer.echo(f"{pushed.definition.file}: {stored['id']}, version {stored['version']}")
    document = pushed.definition.document
    print_diagnostics(pushed.problems, document.text if document else None)
