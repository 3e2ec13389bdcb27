"""`flowc graph`: draws a workflow."""

from enum import StrEnum
from typing import Annotated

import typer

from flowc.compiler.reports.drawing import as_mermaid
from flowc.compiler.reports.graph_json import graph_as_json
from flowc.server.cli.arguments import DefinitionFile
from flowc.server.cli.definition_files import read_flow
from flowc.server.cli.output import print_json


class GraphFormat(StrEnum):
    """The formats in which a graph can be printed."""

    MERMAID = "mermaid"
    JSON = "json"


def graph(
    file: DefinitionFile,
    format: Annotated[GraphFormat, typer.Option(help="mermaid or json.")] = GraphFormat.MERMAID,
) -> None:
    """Print a workflow's graph as Mermaid or JSON."""
    flow, document = read_flow(file)
    if format is GraphFormat.JSON:
        print_json(graph_as_json(flow.scope, document))
    else:
        typer.echo(as_mermaid(flow))
