"""Reads a definition from a file, and the workflows it runs from the files next to it.

The workflow `refund` is in refund.yaml, refund.yml or refund.json.
"""

import re
from pathlib import Path
from typing import NoReturn

import typer

from flowc.compiler.analysis.flow import Flow
from flowc.compiler.analysis.scopes import Scope, resolve
from flowc.compiler.check import require_valid
from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.node.registry import Registry
from flowc.compiler.reading.dialects import read_definition
from flowc.compiler.reading.documents import Document, read_file
from flowc.compiler.reading.library import Find, Library, StoredDefinition
from flowc.server.cli.output import WRONG, print_diagnostics, read_document

SUFFIXES = (".yaml", ".yml", ".json")
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


def read_scope(file: Path) -> Scope:
    """Read a definition file; print its errors and end the command if it cannot be read."""
    document: Document | None = None
    try:
        document = read_document(file)
        return scope_of(document, file, Registry.installed())
    except DefinitionRefused as refused:
        exit_with(refused, document)


def read_flow(file: Path) -> tuple[Flow, Document]:
    """Read and check a definition file; print its errors and end the command if there are any."""
    document: Document | None = None
    try:
        document = read_document(file)
        flow, _ = require_valid(scope_of(document, file, Registry.installed()), document)
        return flow, document
    except DefinitionRefused as refused:
        exit_with(refused, document)


def exit_with(refused: DefinitionRefused, document: Document | None) -> NoReturn:
    """Print what is wrong with a definition, and end the command with status 2."""
    print_diagnostics(refused.diagnostics, document.text if document else None)
    raise typer.Exit(WRONG) from None


def scope_of(document: Document, file: Path, registry: Registry) -> Scope:
    """Return a file's definition with the workflows next to it; raise DefinitionRefused."""
    return resolve(read_definition(document), registry, library_beside(file), id_of(file))


def library_beside(file: Path) -> Library:
    """Return the workflows in a file's folder, which are looked up by their file names."""
    folder = Path() if str(file) == "-" else file.parent
    return Library(_finder(folder))


def id_of(file: Path) -> str | None:
    """Return the id of a file's workflow: the file's name; None for standard input.

    >>> id_of(Path("flows/refund.yaml")), id_of(Path("-"))
    ('refund', None)
    """
    return None if str(file) == "-" else file.stem


def _finder(folder: Path) -> Find:
    def find(id: str, version: str | None) -> StoredDefinition | None:
        paths = [folder / f"{id}{suffix}" for suffix in SUFFIXES] if ID.fullmatch(id) else []
        for path in paths:
            if path.is_file():
                document = read_file(path)
                own = _version_of(document)
                return StoredDefinition(id, own, document) if version in {None, own} else None
        return None

    return find


def _version_of(document: Document) -> str:
    data = document.data
    return str(data.get("version", "1")) if isinstance(data, dict) else "1"
