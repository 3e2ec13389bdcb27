"""Reads the operator's settings for a command."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from flowc.compiler.diagnostics import did_you_mean
from flowc.server.cli.output import wrong

if TYPE_CHECKING:
    from flowc.server.settings import Settings

_PREFIX, _SECRETS = "FLOWC_", "FLOWC_SECRET_"


def read_settings() -> "Settings":
    """Return the settings from the environment; end the command if one of them is invalid."""
    # Imported here: the lightest commands need no settings.
    from pydantic import ValidationError  # noqa: PLC0415

    from flowc.server.settings import Settings  # noqa: PLC0415

    warn_of_unknown(os.environ, Settings.model_fields)
    try:
        return Settings()
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        wrong(f"FLOWC_{str(first['loc'][0]).upper()}: {first['msg']}.")


def warn_of_unknown(variables: Iterable[str], fields: Iterable[str]) -> None:
    """Print a warning for each variable that looks like a setting, and is none."""
    known = [f"{_PREFIX}{field.upper()}" for field in fields]
    for name in variables:
        if name.startswith(_PREFIX) and name not in known and not name.startswith(_SECRETS):
            hint = did_you_mean(name, known)
            typer.echo(f"flowc: warning: {name} is no setting. {hint or ''}".rstrip(), err=True)
