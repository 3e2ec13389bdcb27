"""Values that a person changed in a paused run: nodes read them until they are written."""

from collections.abc import Iterable, Mapping
from typing import Any

_NOTHING: Mapping[str, Any] = {}


class ChangedValues:
    """The variables and outputs of a run that were changed and not written by a node since.

    `path` is the body that they are in, such as `each#0/2/`; it is empty outside of bodies.

    >>> changed = ChangedValues()
    >>> changed.change("", {"total": 5, "name": "Ada"}, {})
    >>> changed.written("", "count", ["total"])
    >>> changed.variables(""), changed.outputs("")
    ({'name': 'Ada'}, {})
    """

    def __init__(self) -> None:
        self._variables: dict[str, dict[str, Any]] = {}
        self._outputs: dict[str, dict[str, Any]] = {}

    def __bool__(self) -> bool:
        return bool(self._variables or self._outputs)

    def change(self, path: str, variables: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
        """Change values."""
        if variables:
            self._variables.setdefault(path, {}).update(variables)
        if outputs:
            self._outputs.setdefault(path, {}).update(outputs)

    def written(self, path: str, node_id: str, variables: Iterable[str]) -> None:
        """Leave to a node what it has written: its output, and variables."""
        self._outputs.get(path, {}).pop(node_id, None)
        for name in variables:
            self._variables.get(path, {}).pop(name, None)

    def variables(self, path: str) -> Mapping[str, Any]:
        """Return the changed variables of a body."""
        return self._variables.get(path, _NOTHING)

    def outputs(self, path: str) -> Mapping[str, Any]:
        """Return the changed outputs of nodes in a body."""
        return self._outputs.get(path, _NOTHING)
