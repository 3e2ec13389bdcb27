"""The Python module that an export writes: its parts, imports and names."""

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from flowc.compiler.export.text import sentence
from flowc.compiler.node import Node
from flowc.compiler.node.adapted import StepOfClass

# Every module uses these names, so no function may have them.
TAKEN = frozenset(
    {"Any", "Command", "EXITS", "Mapping", "Runtime", "START", "StateGraph", "interrupt", "run"}
)


@dataclass
class Module:
    """A module in the making: its parts in order, and the names they need."""

    parts: list[str] = field(default_factory=list)
    _types: dict[str, str] = field(default_factory=dict)
    _helpers: set[str] = field(default_factory=lambda: {"Host", "State", "main", "run_graph"})
    _names: set[str] = field(default_factory=lambda: set(TAKEN))
    _has_commands: bool = False
    _has_interrupts: bool = False

    def name(self, wanted: str) -> str:
        """Return an identifier that is unique in the module."""
        plain = re.sub(r"\W", "_", wanted)
        chosen, number = plain, 2
        while chosen in self._names or keyword.iskeyword(chosen):
            chosen, number = f"{plain}_{number}", number + 1
        self._names.add(chosen)
        return chosen

    def helper(self, name: str) -> str:
        """Return a name from `flowc.nodes.standalone`, and import it."""
        self._helpers.add(name)
        return name

    def node_type(self, kind: type[Node]) -> str:
        """Return a node type's name, or how it is made of a class, and import it."""
        self._types[kind.__name__] = kind.__module__
        if not issubclass(kind, StepOfClass):
            return kind.__name__
        self._types["node_type_of"] = "flowc.compiler"
        word = f", {kind.word!r}" if kind.word else ""
        return f"node_type_of({kind.__name__}{word})"

    def joins(self) -> str:
        """Return the name of the class for joins that edges cannot express, and import it."""
        self._types["Joins"] = "flowc.nodes.standalone_edges"
        return "Joins"

    def command(self) -> str:
        """Return the name of LangGraph's `Command`, and import it."""
        self._has_commands = True
        return "Command"

    def interrupt(self) -> str:
        """Return the name of LangGraph's `interrupt`, and import it."""
        self._has_interrupts = True
        return "interrupt"

    def text(self, title: str, end: str) -> str:
        """Return the whole module."""
        head = f'"""{sentence(title)[:-1]}: a LangGraph graph, written by `flowc export`."""'
        imports = "\n".join(self._imports())
        return f"{head}\n\n{imports}\n\n\n" + "\n\n\n".join([*self.parts, end])

    def _imports(self) -> Iterator[str]:
        yield "from collections.abc import Mapping"
        yield "from typing import Any"
        yield ""
        yield "from langgraph.graph import START, StateGraph"
        yield "from langgraph.runtime import Runtime"
        used = {"Command": self._has_commands, "interrupt": self._has_interrupts}
        if any(used.values()):
            names = ", ".join(name for name, is_used in used.items() if is_used)
            yield f"from langgraph.types import {names}"
        yield ""
        for module, name in sorted((module, name) for name, module in self._types.items()):
            yield f"from {module} import {name}"
        yield "from flowc.nodes.standalone import ("
        for name in sorted(self._helpers):
            yield f"    {name},"
        yield ")"
