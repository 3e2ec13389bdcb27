"""Finds what can be read of a workflow with mistakes in its form, so that it can be drawn.

A text is full of such mistakes while its author writes: a node without a type, an edge without a
target, a key that is not known. What is left of it has its parts at the same places: one that
cannot be read has a placeholder.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from pydantic import BaseModel, ValidationError

from flowc.compiler.definition import WorkflowDefinition
from flowc.compiler.reading.model_problems import path_in

# A key that is left out can make another mistake: that a key is missing.
_MOST_TURNS = 6
_PARTS: Mapping[str, type] = {"nodes": list, "edges": list, "steps": dict}
_NAMES = frozenset({"id", "type", "source", "target"})
# No id begins with a space.
_PLACEHOLDER = " "


def readable_part(form: type[BaseModel], data: Any) -> BaseModel | None:
    """Return what is left of data without what a form refuses in it; None if that is not enough."""
    left = deepcopy(data)
    for _ in range(_MOST_TURNS):
        try:
            return form.model_validate(left)
        except ValidationError as error:
            for item in error.errors(include_url=False, include_context=False):
                is_extra = item["type"] == "extra_forbidden"
                _leave_out(left, path_in(left, item["loc"], item["type"]), is_extra)
    return None


def without_placeholders(workflow: WorkflowDefinition) -> WorkflowDefinition:
    """Return a workflow without the placeholders of nodes that cannot be read."""
    nodes = tuple(node for node in workflow.nodes if not node.id.startswith(_PLACEHOLDER))
    return workflow.model_copy(update={"nodes": nodes})


def _leave_out(data: Any, path: tuple[str | int, ...], is_extra: bool) -> None:
    """Leave the culprit at a path out of its part, or the part if the culprit is all of it."""
    if isinstance(data, list) and path:
        _leave_out_of_part(data, path, is_extra)
    elif isinstance(data, dict) and path:
        name = str(path[0])
        kind = _PARTS.get(name)
        if kind is not None and not isinstance(data.get(name), kind):
            data[name] = kind()
        elif kind is not None and len(path) > 1:
            _leave_out_of_part(data[name], path[1:], is_extra)
        else:
            data.pop(name, None)


def _leave_out_of_part(parts: Any, path: tuple[str | int, ...], is_extra: bool) -> None:
    place, *inside = path
    part = parts[place] if isinstance(parts, dict) or int(place) < len(parts) else None
    if not isinstance(part, dict):
        parts[place] = {"type": ""} if isinstance(parts, dict) else _placeholder(place)
    elif not inside:
        # Several of its keys do not belong together.
        for key in [key for key in part if key not in _NAMES]:
            del part[key]
    elif is_extra and len(inside) == 1:
        part.pop(str(inside[0]), None)
    else:
        _leave_out_key(part, str(inside[0]), place)


def _leave_out_key(part: dict[str, Any], key: str, place: str | int) -> None:
    given = part.pop(key, None)
    if key not in _NAMES:
        return
    if isinstance(given, (int, float)):
        part[key] = str(given)
    elif key == "type":
        part[key] = ""
    else:
        part[key] = f"{_PLACEHOLDER}{place}"


def _placeholder(place: str | int) -> dict[str, Any]:
    # An unknown key of an edge or a node is left out in the next turn.
    name = f"{_PLACEHOLDER}{place}"
    return {"id": name, "type": "", "source": name, "target": name}
