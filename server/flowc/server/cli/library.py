"""Which stored workflows does a definition in a file use? Those in the files beside it."""

import re
from pathlib import Path

from flowc.compiler.documents import Document, read_file
from flowc.compiler.library import Find, Library, Stored

SUFFIXES = (".yaml", ".yml", ".json")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


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
