"""Writes what is generated from the code: the reference pages, and the types of `server/ui`.

`make docs` generates them from the code, and a test checks that they are up to date.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from flowc.compiler.definition import (
    BudgetLimits,
    CachePolicy,
    Concurrency,
    NodeOptions,
    RetryPolicy,
    RunRate,
    WorkflowBudget,
    WorkflowHeader,
    WorkflowSettings,
)
from flowc.compiler.node import Node
from flowc.compiler.node.registry import Registry
from flowc.compiler.reading.remedies import OF_ENVIRONMENT, WITHOUT_HINT
from flowc.compiler.reports.explanations import explanations
from flowc.server.cli import app
from flowc.server.cli.events_page import events_page
from flowc.server.cli.filters_page import filters_page
from flowc.server.cli.metrics_page import metrics_page
from flowc.server.cli.typescript_types import typescript_types
from flowc.server.settings import Settings

NOTE = "<!-- Generated from the code by `make docs`. -->\n"
_WHEN = (
    "`flowc check --env` reports it, the server when the workflow is stored, and before a run"
    " that is sure to fail."
)


def pages() -> Mapping[str, str]:
    """Return the text of every page, by its path in the repository."""
    return {
        "nodes/docs/node-types.md": _page(_node_types()),
        "compiler/docs/diagnostics.md": _page(_diagnostics()),
        "compiler/docs/options.md": _page(_options()),
        "compiler/docs/filters.md": _page(filters_page()),
        "server/docs/settings.md": _page(_settings()),
        "server/docs/commands.md": _page(_commands()),
        "server/docs/events.md": _page(events_page()),
        "server/docs/metrics.md": _page(metrics_page()),
        "server/ui/src/api/types.ts": typescript_types(),
    }


def write(root: Path) -> None:
    """Write every page below the repository's root."""
    for path, text in pages().items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def _page(lines: Iterator[str]) -> str:
    return "\n".join([NOTE, *lines]).rstrip() + "\n"


def _node_types() -> Iterator[str]:
    yield "# Node types\n"
    yield "The options that every node has in addition to its `config` are described in"
    yield "[options](../../compiler/docs/options.md). Text is a template, `{{…}}`, unless the field"
    yield "has another type.\n"
    for kind in Registry.installed():
        also = "".join(f", `{word}`" for word in kind.also)
        yield f"## `{kind.type}`{also}\n"
        yield from _paragraphs(kind.__doc__ or "")
        if kind.extra is not None:
            yield f"It needs the extra `flowc[{kind.extra}]`.\n"
        yield from _fields(kind.model_json_schema())
        yield from _output(kind)


def _output(kind: type[Node]) -> Iterator[str]:
    described = kind.describe_output({}) or {}
    names = ", ".join(f"`{name}`" for name in described.get("properties", {}))
    if names:
        yield f"Output: {names}.\n"


def _diagnostics() -> Iterator[str]:
    yield "# Diagnostics\n"
    yield "`flowc explain CODE` prints the explanation of one code.\n"
    for code, found in sorted(explanations().items()):
        yield f"## `{code}`\n"
        yield f"{found.why}\n"
        if code in OF_ENVIRONMENT:
            yield f"It is about the environment: {_WHEN}\n"
        if code in WITHOUT_HINT:
            yield f"It has no hint: {WITHOUT_HINT[code]}.\n"
        for word, example in (("Wrong", found.bad), ("Right", found.good)):
            yield f"{word}:\n"
            yield f"```yaml\n{example.strip()[:1500]}\n```\n"


def _options() -> Iterator[str]:
    yield "# Options of nodes and workflows\n"
    yield "Write durations as `30s`, `5m` or `2h`, or as a number of seconds.\n"
    for title, model in (
        ("Any node", NodeOptions),
        ("`retry`", RetryPolicy),
        ("`cache`", CachePolicy),
        ("`concurrency`", Concurrency),
        ("A workflow", WorkflowHeader),
        ("`settings` of a workflow", WorkflowSettings),
        ("`rate`", RunRate),
        ("`budget`", BudgetLimits),
        ("`workflow_budget`", WorkflowBudget),
    ):
        yield f"## {title}\n"
        yield from _paragraphs(model.__doc__ or "")
        yield from _fields(model.model_json_schema())


def _settings() -> Iterator[str]:
    yield "# Settings\n"
    yield "Every setting is an environment variable. `FLOWC_SECRET_NAME` sets the secret `name`.\n"
    yield "| variable | default | meaning |"
    yield "|---|---|---|"
    own = [name for name in Settings.model_fields if name in Settings.__annotations__]
    for name in dict.fromkeys([*own, *Settings.model_fields]):
        field = Settings.model_fields[name]
        default = field.get_default(call_default_factory=True)
        shown = f"`{default}`" if default not in (None, {}, []) else ""
        yield f"| `FLOWC_{name.upper()}` | {shown} | {_cell(field.description or '')} |"


def _commands() -> Iterator[str]:
    yield "# Commands\n"
    yield "The exit status is 0 on success, 1 when a workflow fails or two definitions differ, and"
    yield "2 when a definition, expression or option is wrong, or a server refuses the request.\n"
    yield "Every command has `-h` and `--help`. `flowc --version` prints the version, and"
    yield "`python -m flowc` runs the same command. `flowc --install-completion` sets up bash, zsh,"
    yield "fish or PowerShell to complete commands, options, definition files, node types, filters"
    yield "and diagnostic codes.\n"
    for name, command in _all_commands(typer.main.get_command(app)):
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        usage = " ".join([f"flowc {name}", *map(_metavar, arguments)])
        yield f"## `{usage}`\n"
        yield from _paragraphs(command.help or "")
        options = [p for p in command.params if p.param_type_name == "option"]
        rows = [(", ".join(p.opts), getattr(p, "help", "") or "") for p in options]
        rows = [(_name(p), getattr(p, "help", "") or "") for p in arguments] + rows
        if rows:
            yield "| argument or option | meaning |"
            yield "|---|---|"
            yield from (f"| `{opts}` | {_cell(help)} |" for opts, help in rows)
            yield ""


def _all_commands(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the commands of a group and of the groups in it, by their full names."""
    for name in sorted(group.list_commands(None)):
        command = group.get_command(None, name)
        if hasattr(command, "commands"):
            yield from _all_commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def _metavar(argument: Any) -> str:
    name = _name(argument)
    shown = f"{name}..." if argument.nargs == -1 else name
    return shown if argument.required else f"[{shown}]"


def _name(argument: Any) -> str:
    return str(argument.metavar or argument.name).strip("[]").upper()


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.strip().split("\n\n"):
        yield " ".join(paragraph.split()) + "\n"


def _fields(schema: Mapping[str, Any]) -> Iterator[str]:
    properties = schema.get("properties", {})
    if not properties:
        return
    yield "| field | type | default | meaning |"
    yield "|---|---|---|---|"
    required = schema.get("required", ())
    for name, field in sorted(properties.items(), key=lambda each: each[0] not in required):
        default = "required" if name in required else _default(field)
        kind = _cell(_type(field, schema.get("$defs", {})))
        yield f"| `{name}` | {kind} | {default} | {_cell(field.get('description', ''))} |"
    yield ""


def _default(field: Mapping[str, Any]) -> str:
    value = field.get("default")
    return f"`{value}`" if value not in (None, []) and not isinstance(value, dict) else ""


def _type(field: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    """Return a field's type in a few words.

    >>> _type({"type": "array", "items": {"type": ["string", "null"]}}, {})
    'list of string or null'
    """
    if "$ref" in field:
        return _type(defs.get(str(field["$ref"]).rpartition("/")[2], {}), defs)
    if "enum" in field or "const" in field:
        values = field.get("enum", [field.get("const")])
        return ", ".join(f"`{value}`" for value in values)
    if "anyOf" in field:
        found = [_type(option, defs) for option in field["anyOf"]]
        return " or ".join(dict.fromkeys(word for word in found if word != "null"))
    if field.get("format") in {"condition", "expression"}:
        return str(field["format"])
    kind = field.get("type", "any")
    if kind == "array":
        return f"list of {_type(field.get('items', {}), defs)}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _cell(text: str) -> str:
    r"""Return text as a cell of a Markdown table.

    >>> _cell("a |\n b")
    'a \\| b'
    """
    return " ".join(text.replace("|", "\\|").split())


if __name__ == "__main__":
    write(Path(sys.argv[1]))
