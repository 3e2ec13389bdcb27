"""Reads the operator's files of models and MCP servers, which map names to entries."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.reading.documents import read_file

Entry = TypeVar("Entry", bound=BaseModel)


class OperatorFileRefused(Exception):
    """A file of models or MCP servers cannot be read."""


def read_entries(path: Path, under: str, kind: type[Entry], what: str) -> dict[str, Entry]:
    """Read a file that maps names to entries, at the top or `under` a key.

    Raises OperatorFileRefused, whose message says what is wrong, and where.
    """
    try:
        data = read_file(path).data
    except DefinitionRefused as problem:
        raise OperatorFileRefused(f"{path}: {problem.diagnostics[0].message}") from None
    entries = data.get(under, data) if isinstance(data, Mapping) else None
    if not isinstance(entries, Mapping):
        raise OperatorFileRefused(f"{path}: the file must map names to {what}.")
    found: dict[str, Entry] = {}
    for name, entry in entries.items():
        try:
            found[name] = kind.model_validate(entry)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ": ".join(filter(None, [name, ".".join(map(str, first["loc"]))]))
            raise OperatorFileRefused(f"{path}: {where}: {first['msg']}.") from None
    return found
