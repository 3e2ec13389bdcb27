"""Turns a syntax tree into a function over names, and collects the references in it.

Each kind of tree has a function that returns a Python closure (`METHODS` in `trees`); a kind
without one is refused. So nothing of Jinja2 or Python runs when an expression is evaluated: only
these closures, over JSON.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from jinja2 import nodes

from flowc.compiler.expressions.errors import ExpressionError
from flowc.compiler.expressions.evidence import list_in
from flowc.compiler.expressions.fields import field_of, private_field
from flowc.compiler.expressions.frame import Evaluate, Frame
from flowc.compiler.expressions.loops import LOOP_FIELDS
from flowc.compiler.expressions.offsets import offset_of
from flowc.compiler.expressions.references import Reference, ReferencePath
from flowc.compiler.expressions.syntax import path_of

# Limits on one expression: trees are compiled, and the closures called, by recursion.
MAX_NODES = 2000
MAX_DEPTH = 50

# A local variable must not hide these: what an expression reads of them is checked.
_KEPT = frozenset({"input", "variables", "secrets", "run", "nodes", "loop"})

# The key of a variable in a block, and that of the variable outside with the same name.
KeptValue = tuple[str, str | None]
CompileTree = Callable[["Compilation", Any], Evaluate]


@dataclass
class Compilation:
    """The compilation of one expression or text: counts its trees and collects its references.

    `methods` has a function for each kind of tree. `locals` are the keys of the local variables
    that are visible here. `makes_moments` is true if the value may contain moments or others that
    are not plain JSON. `wanted` is the type that the tree to be compiled next is used as.
    """

    methods: Mapping[type[nodes.Node], CompileTree]
    locals: dict[str, str] = field(default_factory=dict)
    makes_moments: bool = False
    is_recorded: bool = False
    wanted: str | None = None
    whole: ReferencePath | None = None
    size: int = 0
    _depth: int = 0
    _guards: int = 0
    _bound: int = 0
    _own: set[str] = field(default_factory=set)
    _pairs: list[KeptValue] = field(default_factory=list)
    _aliases: dict[str, ReferencePath] = field(default_factory=dict)
    _tested: list[ReferencePath] = field(default_factory=list)
    _found: list[Reference] = field(default_factory=list)

    def references(self) -> tuple[Reference, ...]:
        """Return the references in the compiled trees, without duplicates."""
        return tuple(dict.fromkeys(self._found))

    def compile(
        self, node: nodes.Node, used_as: str | None = None, literals: Sequence[Any] = ()
    ) -> Evaluate:
        """Return the function that evaluates a tree; raise ExpressionError if it is not allowed."""
        with self.deeper():
            try:
                return self._compiled(node, used_as, literals)
            except ExpressionError as problem:
                # The innermost tree is the first to know.
                if problem.offset is None and _has_place(node):
                    is_call = isinstance(node, nodes.Call)
                    problem.offset = offset_of(node) if is_call else node.lineno
                raise

    def _compiled(self, node: nodes.Node, used_as: str | None, literals: Sequence[Any]) -> Evaluate:
        if isinstance(node, (nodes.Name, nodes.Getattr)):
            return self._path(node, used_as, literals)
        if isinstance(node, nodes.Getitem) and not isinstance(node.arg, nodes.Slice):
            return self._path(node, used_as, literals)
        method = self.methods.get(type(node))
        if method is None:
            raise ExpressionError(f"{type(node).__name__} is not allowed")
        self.wanted = used_as
        return method(self, node)

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """Count a tree; raise ExpressionError if there are too many, or too many in each other."""
        self.size += 1
        self._depth += 1
        if self.size > MAX_NODES:
            raise ExpressionError(f"the expression has more than {MAX_NODES:,} parts")
        if self._depth > MAX_DEPTH:
            raise ExpressionError(f"the expression is nested more than {MAX_DEPTH} levels deep")
        try:
            yield
        finally:
            self._depth -= 1

    @contextmanager
    def inner_variables(self) -> Iterator[list[KeptValue]]:
        """Let the local variables that are bound inside end with the block.

        It yields the pairs of keys by which a variable of the block gets, each time that the block
        begins, the value of the variable outside that has the same name.
        """
        outer, own, pairs = self.locals, self._own, self._pairs
        self.locals, self._own, self._pairs = dict(outer), set(), []
        try:
            yield self._pairs
        finally:
            self.locals, self._own, self._pairs = outer, own, pairs

    def bind(self, name: str, alias: ReferencePath | None = None) -> str:
        """Return the key of a local variable, visible from here on; `alias` is what it holds."""
        if name in _KEPT:
            raise ExpressionError(
                f"the name {name!r} already has a meaning", "Choose another name."
            )
        if name.startswith("_"):
            raise ExpressionError(f"the name {name[:60]!r} is not allowed")
        if name in self._own:
            # Set again: which of its values it has here is not known before it is evaluated.
            self._aliases.pop(self.locals[name], None)
            return self.locals[name]
        outer = self.locals.get(name)
        key = self.bind_any(name)
        self._pairs.append((key, outer))
        if alias is not None and outer is None:
            self._aliases[key] = alias
        return key

    def bind_any(self, name: str) -> str:
        """Return the key of a new local variable, also for a name that has another meaning."""
        self._bound += 1
        # No name has a space in it, so the key cannot be read as a name.
        self.locals[name] = f"{name} {self._bound}"
        self._own.add(name)
        return self.locals[name]

    def path_read_by(self, node: nodes.Node) -> ReferencePath | None:
        """Return the path of a name outside that a tree reads, also by way of local variables."""
        path = path_of(node)
        if path is None or path[0] not in self.locals:
            return path
        alias = self._aliases.get(self.locals[str(path[0])])
        return None if alias is None else (*alias, *path[1:])

    def items_read_by(self, node: nodes.Node) -> ReferencePath | None:
        """Return the path of each item of a list that a tree reads, also through filters."""
        path = self.path_read_by(list_in(node))
        return None if path is None else (*path, 0)

    def note(self, reference: Reference) -> None:
        """Add a reference that was found."""
        self._found.append(reference)

    @contextmanager
    def tested(self, node: nodes.Node) -> Iterator[None]:
        """Make the paths that a tree tests with `is defined` optional inside the block."""
        before = len(self._tested)
        self._tested.extend(paths_tested_in(node))
        try:
            yield
        finally:
            del self._tested[before:]

    def guarded(self, node: nodes.Node, used_as: str | None = None) -> Evaluate:
        """Compile a tree whose missing values are handled."""
        self._guards += 1
        try:
            return self.compile(node, used_as)
        finally:
            self._guards -= 1

    def _is_guarded(self, path: ReferencePath) -> bool:
        # By the first name alone: if `a.b` is defined, node `a` has run and `a.c` can be read.
        return self._guards > 0 or any(path[0] == tested[0] for tested in self._tested)

    def _path(self, node: Any, used_as: str | None, literals: Sequence[Any]) -> Evaluate:
        path = path_of(node)
        # `a.b.c` is one reference. What `a[b].c` reads depends on `b`, so `a` and `b` are noted
        # separately.
        read = self.path_read_by(node)
        if read is not None:
            self.note(Reference(read, self._is_guarded(read), used_as, tuple(literals)))
        return self._read(node, whole=path is not None)

    def _read(self, node: Any, whole: bool) -> Evaluate:
        """Compile the steps of a path; `whole` means that its reference has been noted."""
        if isinstance(node, nodes.Name):
            return self._name(node, noted=whole)
        if not isinstance(node, (nodes.Getattr, nodes.Getitem)) or _is_slice(node):
            return self.compile(node)
        key: Any = None
        if isinstance(node, nodes.Getattr):
            key = node.attr
        elif isinstance(node.arg, nodes.Const):
            key = node.arg.value
        if isinstance(key, str) and key.startswith("_"):
            raise private_field(key)
        if self._is_loop(node.node):
            return self._field_of_loop(key)
        with self.deeper():
            owner = self._read(node.node, whole) if whole else self.compile(node.node)
        if key is None and isinstance(node, nodes.Getitem):
            computed = self.compile(node.arg)
            return lambda frame: field_of(owner(frame), computed(frame))
        name = self._key_of_name(node.node)
        return _reading(owner, key) if name is None else _reading_of_name(name, key)

    def _key_of_name(self, node: nodes.Node) -> str | None:
        return self.locals.get(node.name, node.name) if isinstance(node, nodes.Name) else None

    def _is_loop(self, node: nodes.Node) -> bool:
        return isinstance(node, nodes.Name) and node.name == "loop" and "loop" in self.locals

    def _field_of_loop(self, key: Any) -> Evaluate:
        read, at = LOOP_FIELDS.get(key), self.locals["loop"]
        if read is None:
            fields = ", ".join(LOOP_FIELDS)
            raise ExpressionError(
                f"the loop of a 'for' has no field {str(key)[:40]!r}",
                f"Its fields are {fields}, and loop.cycle(…) and loop.changed(…).",
            )
        return lambda frame: read(frame[at])

    def _name(self, node: nodes.Name, noted: bool) -> Evaluate:
        name = node.name
        # By convention, names with an underscore lead to Python's internals; JSON needs none.
        if name.startswith("_"):
            raise ExpressionError(f"the name {name[:60]!r} is not allowed")
        local = self.locals.get(name)
        if local is not None:
            return lambda frame: frame[local]
        if not noted:
            self.note(Reference((name,), self._is_guarded((name,))))
        return lambda frame: frame[name]


def _is_slice(node: Any) -> bool:
    return isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice)


def _reading(owner: Evaluate, key: Any) -> Evaluate:
    """Return what reads a field or item; most fields are of objects, and those are read at once."""
    if not isinstance(key, str):
        return lambda frame: field_of(owner(frame), key)

    def read(frame: Frame) -> Any:
        value = owner(frame)
        if type(value) is dict and key in value:
            return value[key]
        return field_of(value, key)

    return read


def _reading_of_name(name: str, key: Any) -> Evaluate:
    """Return what reads a field of a name or variable, without a call for the name itself."""
    if not isinstance(key, str):
        return lambda frame: field_of(frame[name], key)

    def read(frame: Frame) -> Any:
        value = frame[name]
        if type(value) is dict and key in value:
            return value[key]
        return field_of(value, key)

    return read


def paths_tested_in(node: nodes.Node) -> Iterator[ReferencePath]:
    """Yield the paths that a tree tests with `is defined` or `is undefined`."""
    # find_all looks below the node, not at the node itself.
    tests = node.find_all(nodes.Test)
    found = [node, *tests] if isinstance(node, nodes.Test) else list(tests)
    for test in found:
        if isinstance(test, nodes.Test) and test.name in {"defined", "undefined"}:
            path = path_of(test.node)
            if path is not None:
                yield path


def _has_place(node: nodes.Node) -> bool:
    # Jinja2 gives no place to some trees, such as the right side of a comparison.
    place: int | None = node.lineno
    return place is not None and place >= 0
