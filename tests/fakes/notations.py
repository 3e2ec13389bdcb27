"""Writes a definition in many notations: JSON, and YAML with each kind of scalar."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from flowc.compiler.diagnostics import TextChange


class _Value(str):
    """A text that is a value, and no key."""


def _written(style: str | None, flow: bool) -> Callable[[Any], str]:
    class Dumper(yaml.SafeDumper):
        """A dumper that writes values in one style, and keys as they are."""

    def represent(dumper: yaml.SafeDumper, value: _Value) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", str(value), style=style)

    Dumper.add_representer(_Value, represent)

    def write(data: Any) -> str:
        text: str = yaml.dump(
            _marked(data), Dumper=Dumper, default_flow_style=flow, sort_keys=False, width=60
        )
        return "# a comment\n" + text

    return write


def _marked(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _marked(item) for key, item in data.items()}
    if isinstance(data, list):
        return [_marked(item) for item in data]
    return _Value(data) if isinstance(data, str) else data


NOTATIONS: Mapping[str, Callable[[Any], str]] = {
    "json": lambda data: json.dumps(data, indent=2),
    "json-line": lambda data: json.dumps(data, ensure_ascii=True),
    "yaml": _written(None, flow=False),
    "yaml-flow": _written(None, flow=True),
    "yaml-double": _written('"', flow=False),
    "yaml-single": _written("'", flow=False),
    "yaml-flow-single": _written("'", flow=True),
    "yaml-literal": _written("|", flow=False),
    "yaml-folded": _written(">", flow=False),
}


def applied(text: str, changes: tuple[TextChange, ...]) -> str:
    """Return a text after all changes, as an editor makes them."""
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))

    def offset(place: tuple[int, int]) -> int:
        return starts[place[0] - 1] + place[1] - 1

    for change in sorted(changes, key=lambda each: each.range.start, reverse=True):
        start, end = offset(change.range.start), offset(change.range.end)
        text = text[:start] + change.text + text[end:]
    return text
