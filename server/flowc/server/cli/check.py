"""`flowc check`: what is wrong with these definitions?"""

from pathlib import Path
from typing import Annotated

import typer

from flowc.compiler.check import check_workflow
from flowc.compiler.diagnostics import DefinitionRefused, Diagnostic, has_errors
from flowc.compiler.registry import Registry
from flowc.server.cli.library import id_of, library_beside
from flowc.server.cli.output import DONE, WRONG, print_diagnostics, print_json, read_document


def check(
    files: Annotated[list[Path], typer.Argument(help="Definitions, JSON or YAML; - is stdin.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check definitions: every problem with its place, and a hint."""
    registry = Registry.installed()
    found: list[Diagnostic] = []
    for file in files:
        diagnostics, text = _check_one(file, registry)
        found += diagnostics
        if not as_json:
            print_diagnostics(diagnostics, text)
    ok = not has_errors(found)
    if as_json:
        print_json({"ok": ok, "diagnostics": [diagnostic.as_json() for diagnostic in found]})
    elif ok:
        typer.echo(f"{len(files)} definition(s) can run.")
    raise typer.Exit(DONE if ok else WRONG)


def _check_one(file: Path, registry: Registry) -> tuple[list[Diagnostic], str | None]:
    try:
        document = read_document(file)
    except DefinitionRefused as refused:
        return list(refused.diagnostics), None
    return check_workflow(document, registry, library_beside(file), id_of(file)), document.text
