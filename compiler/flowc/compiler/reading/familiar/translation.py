"""A node of another tool while it is translated: its configuration, and where each value was."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flowc.compiler.definition import NodeDefinition
from flowc.compiler.diagnostics import Pointer, Problem
from flowc.compiler.node import Node


@dataclass
class Translation:
    """A node, the configuration that it has here, and the options and problems that result.

    `written` is what is left of the author's configuration, `config` what it is here; `moved` has
    for a path here the path there. `before` are the ids of the nodes whose
    data flows to this one, `ids` those of all.
    """

    node: NodeDefinition
    native: type[Node]
    written: dict[str, Any]
    before: tuple[str, ...] = ()
    ids: frozenset[str] = frozenset()
    config: dict[str, Any] = field(default_factory=dict)
    moved: dict[Pointer, Pointer] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def has(self, *keys: str) -> bool:
        """Return whether the author wrote one of these keys."""
        return any(key in self.written for key in keys)

    def take(self, *keys: str, default: Any = None) -> Any:
        """Remove the first of these keys that the author wrote, and return its value."""
        for key in keys:
            if key in self.written:
                return self.written.pop(key)
        return default

    def put(self, name: str, value: Any, *origin: str | int) -> None:
        """Set a field of the node here, whose value is written at `origin`."""
        self.config[name] = value
        self.moved[name,] = origin

    def rename(self, names: Mapping[str, str]) -> None:
        """Move the values of keys to the fields of the native type, whose own names come first."""
        fields = self.native.model_fields
        for key in [key for key in self.written if key in names and key not in fields]:
            name = names[key]
            if name not in fields:
                continue
            if name in self.config or name in self.written:
                first = next((k for k, v in self.moved.items() if k == (name,)), (name,))
                other = str(self.moved.get(first, first)[0])
                self.refuse(key, f"{key!r} and {other!r} mean the same.", "Remove one of the two.")
            else:
                self.put(name, self.written[key], key)
            self.written.pop(key, None)

    def refuse(self, key: str, message: str, hint: str) -> None:
        """Report a key of the configuration, which is left out."""
        self.written.pop(key, None)
        at = self.node.config_at(key)
        self.problems.append(Problem("unknown-key", message, at, hint, on_key=True))

    def warn(self, code: str, message: str, hint: str, *path: str) -> None:
        """Report something that has no effect here."""
        at = self.node.config_at(*path)
        self.problems.append(Problem(code, message, at, hint, "warning"))

    def misfit(self, message: str, hint: str, *path: str | int) -> None:
        """Report a value that cannot be translated."""
        at = self.node.config_at(*path)
        self.problems.append(Problem("invalid-value", message, at, hint))

    def done(self, type: str) -> NodeDefinition:
        """Return the node here; keys that are left keep their names, and the checks report them."""
        config = {**self.written, **self.config}
        changes = {"type": type, "config": config, **self.options}
        node = self.node.model_copy(update=changes)
        node._moved = self.moved
        return node
