"""`flowc graph`: what does a workflow look like?"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flowc.compiler.check import require_valid
from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.dialects import read_definition
from flowc.compiler.draft import new_draft
from flowc.compiler.drawing import as_json, as_mermaid
from flowc.compiler.registry import Registry
from flowc.server.cli.library import id_of, library_beside
from flowc.server.cli.output import WRONG, print_diagnostics, print_json, read_document


class Format(StrEnum):
    """What a graph can be printed as."""

    MERMAID = "mermaid"
    JSON = "json"


def graph(
    file: Annotated[Path, typer.Argument(help="A definition, JSON or YAML; - is stdin.")],
    format: Annotated[Format, typer.Option(help="mermaid or json.")] = Format.MERMAID,
) -> None:
    """Print a workflow's graph."""
    text = None
    try:
        document = read_document(file)
        text = document.text
        workflow, registry = read_definition(document), Registry.installed()
        draft = new_draft(workflow, registry, library_beside(file), id_of(file))
        require_valid(draft, document)
    except DefinitionRefused as refused:
        print_diagnostics(refused.diagnostics, text)
        raise typer.Exit(WRONG) from None
    if format is Format.JSON:
        print_json(as_json(draft.graph))
    else:
        typer.echo(as_mermaid(draft.graph))
