"""`flowc nodes`: lists the node types and their configuration."""

import inspect
from typing import Annotated

import typer

from flowc.compiler.diagnostics import did_you_mean
from flowc.compiler.node.registry import Registry
from flowc.compiler.reading.familiar import native_word
from flowc.compiler.reports.json_schema import schema_of_node_type
from flowc.server.cli.completion import complete_node_type
from flowc.server.cli.output import print_json, wrong


def nodes(
    node_type: Annotated[
        str,
        typer.Argument(
            metavar="[TYPE]",
            help="Node type; without it, all are listed.",
            autocompletion=complete_node_type,
        ),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Schemas.")] = False,
) -> None:
    """List the node types, or show the configuration of one."""
    registry = Registry.installed()
    chosen = registry.get(node_type) or registry.get(native_word(node_type))
    if node_type and chosen is None:
        hint = did_you_mean(node_type, registry.words())
        wrong(f"There is no node type {node_type!r}. {hint or ''}".rstrip())
    shown = [chosen] if chosen else list(registry)
    if as_json:
        print_json({found.type: schema_of_node_type(found) for found in shown})
        return
    for found in shown:
        words = ", ".join((found.type, *found.also))
        lines = (inspect.getdoc(found) or "").splitlines()
        typer.echo(f"{words:22} {found.group:8} {lines[0] if lines else ''}")
    if chosen is not None:
        _show(chosen)


def _show(node_type: type) -> None:
    schema = schema_of_node_type(node_type)
    typer.echo("\n" + "\n".join((inspect.getdoc(node_type) or "").splitlines()[2:]) + "\n")
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        need = "required" if name in required else f"default {field.get('default')!r}"
        typer.echo(f"  {name:16} {need:20} {field.get('description', '')}")
