"""`flowc graph`: what does a workflow look like?"""

from enum import StrEnum
from typing import Annotated

import typer

from flowc.compiler.reports.drawing import as_json, as_mermaid
from flowc.server.cli.arguments import DefinitionFile
from flowc.server.cli.definition_files import read_flow
from flowc.server.cli.output import print_json


class Format(StrEnum):
    """What a graph can be printed as."""

    MERMAID = "mermaid"
    JSON = "json"


def graph(
    file: DefinitionFile,
    format: Annotated[Format, typer.Option(help="mermaid or json.")] = Format.MERMAID,
) -> None:
    """Print a workflow's graph."""
    flow = read_flow(file)
    if format is Format.JSON:
        print_json(as_json(flow.graph))
    else:
        typer.echo(as_mermaid(flow))
