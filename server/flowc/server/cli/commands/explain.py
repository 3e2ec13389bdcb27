"""`flowc explain`: what does a diagnostic's code mean?"""

from typing import Annotated

import typer

from flowc.compiler.diagnostics import did_you_mean
from flowc.compiler.reports.explanations import explanations
from flowc.server.cli.completion import complete_code
from flowc.server.cli.output import wrong


def explain(
    code: Annotated[
        str,
        typer.Argument(help="Such as unknown-reference.", autocompletion=complete_code),
    ] = "",
) -> None:
    """Say why a diagnostic is given, with a bad and a good example."""
    if not code:
        for known in sorted(explanations()):
            typer.echo(f"{known:24} {explanations()[known].why.split('. ')[0].rstrip('.')}.")
        return
    found = explanations().get(code)
    if found is None:
        wrong(f"There is no code {code!r}. {did_you_mean(code, explanations()) or ''}".rstrip())
    typer.echo(f"{code}\n\n{found.why}\n\nBad:\n\n{found.bad}\n\nGood:\n\n{found.good}")
