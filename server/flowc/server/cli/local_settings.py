"""Reads the operator's settings for a command."""

from typing import TYPE_CHECKING

from flowc.server.cli.output import wrong

if TYPE_CHECKING:
    from flowc.server.settings import Settings


def read_settings() -> "Settings":
    """Return the settings from the environment; end the command if one of them is invalid."""
    # Imported here: the lightest commands need no settings.
    from pydantic import ValidationError  # noqa: PLC0415

    from flowc.server.settings import Settings  # noqa: PLC0415

    try:
        return Settings()
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        wrong(f"FLOWC_{str(first['loc'][0]).upper()}: {first['msg']}.")
