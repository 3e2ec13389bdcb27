"""The commands of `flowc`, each imported when it is used."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from flowc.compiler.quick_imports import quick_imports

# Each with its module in `commands` and its name there: a function, or a group of commands.
COMMANDS: Mapping[str, tuple[str, str]] = {
    "check": ("check", "check"),
    "diff": ("diff", "diff"),
    "run": ("run", "run"),
    "test": ("test", "test"),
    "eval": ("evaluate", "evaluate"),
    "graph": ("graph", "graph"),
    "nodes": ("nodes", "nodes"),
    "filters": ("filters", "filters"),
    "schema": ("schema", "schema"),
    "export": ("export", "export"),
    "explain": ("explain", "explain"),
    "ingest": ("ingest", "ingest"),
    "serve": ("serve", "serve"),
    "worker": ("worker", "worker"),
    "migrate": ("migrate", "migrate"),
    "push": ("push", "push"),
    "pull": ("pull", "pull"),
    "deploy": ("deploy", "deploy"),
    "doctor": ("doctor", "doctor"),
    "backup": ("backup", "backup"),
    "restore": ("backup", "restore"),
    "runs": ("runs", "app"),
    "keys": ("keys", "app"),
    "secrets": ("secrets", "app"),
}


class LazyCommands(TyperGroup):
    """Imports a command when it is run, and all of them when they are listed."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command; None for an unknown one, for which known ones are suggested."""
        for name in [cmd_name] if cmd_name in COMMANDS else COMMANDS:
            if name not in self.commands:
                self.commands[name] = _load(name)
        return self.commands.get(cmd_name)


def _load(name: str) -> Any:
    module, attribute = COMMANDS[name]
    with quick_imports():
        found = getattr(import_module(f"flowc.server.cli.commands.{module}"), attribute)
    if isinstance(found, typer.Typer):
        return typer.main.get_command(found)
    alone = typer.Typer(rich_markup_mode=None, add_completion=False)
    alone.command(name)(found)
    return typer.main.get_command(alone)
