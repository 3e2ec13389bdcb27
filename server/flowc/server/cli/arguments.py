"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from flowc.server.cli.completion import complete_definition

DefinitionFile = Annotated[
    Path,
    typer.Argument(
        help="Definition in JSON or YAML; - reads standard input.",
        autocompletion=complete_definition,
    ),
]
DefinitionFiles = Annotated[
    list[Path],
    typer.Argument(
        help="Definitions in JSON or YAML; - reads standard input.",
        autocompletion=complete_definition,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
AsJsonList = Annotated[bool, typer.Option("--json", help="Print one JSON list.")]
