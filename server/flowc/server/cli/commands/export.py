"""`flowc export`: prints a workflow as LangGraph code."""

import typer

from flowc.compiler.analysis.inference import infer
from flowc.compiler.export import export as as_python
from flowc.compiler.planning.plan import make_plan
from flowc.server.cli.arguments import DefinitionFile
from flowc.server.cli.definition_files import read_flow


def export(file: DefinitionFile) -> None:
    """Print a workflow as Python code for LangGraph.

    The code runs without the compiler.
    """
    flow, _ = read_flow(file)
    typer.echo(as_python(make_plan(infer(flow))), nl=False)
