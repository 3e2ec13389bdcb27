"""How does a command read a definition, and which stored workflows does it use?

Those in the files beside it: `refund` is in refund.yaml.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import typer

from flowc.compiler.analysis.draft import Draft, new_draft
from flowc.compiler.check import require_valid
from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.node.registry import Registry
from flowc.compiler.reading.dialects import read_definition
from flowc.compiler.reading.documents import Document, read_file
from flowc.compiler.reading.library import Find, Library, Stored
from flowc.server.cli.output import WRONG, print_diagnostics, read_document

SUFFIXES = (".yaml", ".yml", ".json")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True)
class ReadDefinition:
    """A definition in a file, as far as the checks read it."""

    document: Document
    draft: Draft


def read_draft(file: Path, *, is_valid: bool = False) -> ReadDefinition:
    """Read a definition, and check it if it has to be valid; print what is wrong, and end."""
    document: Document | None = None
    try:
        document = read_document(file)
        draft = draft_of(document, file, Registry.installed())
        if is_valid:
            require_valid(draft, document)
    except DefinitionRefused as refused:
        print_diagnostics(refused.diagnostics, document.text if document else None)
        raise typer.Exit(WRONG) from None
    return ReadDefinition(document, draft)


def draft_of(document: Document, file: Path, registry: Registry) -> Draft:
    """Return a file's definition with the workflows beside it; raise DefinitionRefused."""
    return new_draft(read_definition(document), registry, library_beside(file), id_of(file))


def library_beside(file: Path) -> Library:
    """Return the workflows in a file's folder: `refund` is in refund.yaml, .yml or .json."""
    folder = Path() if str(file) == "-" else file.parent
    return Library(_finder(folder))


def id_of(file: Path) -> str | None:
    """Return the id that a file's workflow has among those beside it."""
    return None if str(file) == "-" else file.stem


def _finder(folder: Path) -> Find:
    def find(id: str, version: str | None) -> Stored | None:
        paths = [folder / f"{id}{suffix}" for suffix in SUFFIXES] if _ID.fullmatch(id) else []
        for path in paths:
            if path.is_file():
                document = read_file(path)
                own = _version_of(document)
                return Stored(id, own, document) if version in {None, own} else None
        return None

    return find


def _version_of(document: Document) -> str:
    data = document.data
    return str(data.get("version", "1")) if isinstance(data, dict) else "1"
