"""`flowc export`: what is a workflow, written as LangGraph?"""

from pathlib import Path
from typing import Annotated

import typer

from flowc.compiler.check import require_valid
from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.dialects import read_definition
from flowc.compiler.documents import Document
from flowc.compiler.draft import new_draft
from flowc.compiler.export import export as as_python
from flowc.compiler.inference import infer
from flowc.compiler.plan import make_plan
from flowc.compiler.registry import Registry
from flowc.server.cli.library import id_of, library_beside
from flowc.server.cli.output import WRONG, print_diagnostics, read_document


def export(
    file: Annotated[Path, typer.Argument(help="A definition, JSON or YAML; - is stdin.")],
) -> None:
    """Print the workflow as LangGraph Python, which runs without the compiler."""
    document: Document | None = None
    try:
        document = read_document(file)
        workflow, registry = read_definition(document), Registry.installed()
        draft = new_draft(workflow, registry, library_beside(file), id_of(file))
        require_valid(draft, document)
    except DefinitionRefused as refused:
        print_diagnostics(refused.diagnostics, document.text if document else None)
        raise typer.Exit(WRONG) from None
    draft, _ = infer(draft)
    typer.echo(as_python(draft, make_plan(draft)), nl=False)
