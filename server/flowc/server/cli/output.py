"""Prints the results and errors of commands: JSON on stdout, diagnostics and errors on stderr."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import typer

from flowc.compiler.diagnostics import DefinitionRefused, Diagnostic, render
from flowc.compiler.reading.documents import Document, read_bytes, read_file

DONE, FAILED, WRONG = 0, 1, 2


def print_json(value: Any) -> None:
    """Print one JSON value on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    sys.stdout.flush()


def print_diagnostics(diagnostics: Iterable[Diagnostic], text: str | None) -> None:
    """Print the diagnostics of a definition on stderr."""
    found = list(diagnostics)
    if found:
        typer.echo(render(found, text), err=True)


def wrong(message: str) -> NoReturn:
    """Print one sentence about what is wrong, and end the command with status 2."""
    typer.echo(f"flowc: {message}", err=True)
    raise typer.Exit(WRONG)


def read_document(path: Path) -> Document:
    """Read a definition file; `-` is standard input. Raises DefinitionRefused."""
    if str(path) == "-":
        return read_bytes(sys.stdin.buffer.read())
    return read_file(path)


def json_option(text: str, option: str) -> Any:
    """Read JSON from an option, or from the file that follows an @."""
    try:
        if not text.startswith("@"):
            return read_bytes(text.encode("utf-8", "surrogateescape"), ".json").data
        return read_document(Path(text[1:])).data
    except DefinitionRefused as refused:
        wrong(f"{option}: {refused.diagnostics[0].message}")
