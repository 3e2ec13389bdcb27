"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from flowc.server.cli.completion import complete_definition, complete_run

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
RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="Run id.", autocompletion=complete_run)
]
ServerOption = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Server to use (default: FLOWC_SERVER_URL, else http://127.0.0.1:8000).",
    ),
]
ReadServerOption = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Server to read from (default: FLOWC_SERVER_URL, else this machine's database).",
    ),
]
TenantOption = Annotated[
    str | None, typer.Option(help="Tenant, if it is not that of your own key.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
AsJsonList = Annotated[bool, typer.Option("--json", help="Print one JSON list.")]
