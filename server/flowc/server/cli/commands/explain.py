"""`flowc explain`: explains the code of a diagnostic."""

from typing import Annotated

import typer

from flowc.compiler.diagnostics import did_you_mean
from flowc.compiler.reports.explanations import explanations
from flowc.server.cli.completion import complete_code
from flowc.server.cli.output import wrong


def explain(
    code: Annotated[
        str,
        typer.Argument(
            help="Diagnostic code, such as unknown-reference; without it, all are listed.",
            autocompletion=complete_code,
        ),
    ] = "",
) -> None:
    """Explain a diagnostic, with a bad and a good example."""
    if not code:
        for known in sorted(explanations()):
            typer.echo(f"{known:24} {explanations()[known].why.split('. ')[0].rstrip('.')}.")
        return
    found = explanations().get(code)
    if found is None:
        hint = did_you_mean(code, explanations()) or ""
        wrong(f"There is no diagnostic code {code!r}. {hint}".rstrip())
    typer.echo(f"{code}\n\n{found.why}\n\nBad:\n\n{found.bad}\n\nGood:\n\n{found.good}")
