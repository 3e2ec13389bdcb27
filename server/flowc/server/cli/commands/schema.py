"""`flowc schema`: prints the JSON Schema of definitions, for editors."""

from flowc.compiler.node.registry import Registry
from flowc.compiler.reports.json_schema import definition_schema
from flowc.server.cli.output import print_json


def schema() -> None:
    """Print the JSON Schema of workflow definitions."""
    print_json(definition_schema(Registry.installed()))
