"""Turns a syntax tree into a function over names, and collects the references in it.

Each kind of tree has a method here that returns a Python closure; a kind without one is refused.
So nothing of Jinja2 or Python runs when an expression is evaluated: only these closures, over JSON.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jinja2 import nodes

from flowc.compiler.expressions import values
from flowc.compiler.expressions.filters import FILTERS, TESTS
from flowc.compiler.expressions.syntax import path_of
from flowc.compiler.expressions.values import ExpressionError, MissingValue

# Limits on one expression: trees are compiled, and the closures called, by recursion.
MAX_NODES = 400
MAX_DEPTH = 25

Names = Mapping[str, Any]
Evaluate = Callable[[Names], Any]
ReferencePath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A path that an expression reads.

    `optional` means that the expression handles a missing value; `used_as` is the JSON type that
    the expression needs there, if that is evident; `literals` are the values it is compared with.
    """

    path: ReferencePath
    optional: bool = False
    used_as: str | None = None
    literals: tuple[Any, ...] = ()


_BINARY: Mapping[type[nodes.Node], Callable[[Any, Any], Any]] = {
    nodes.Add: values.add,
    nodes.Sub: values.subtract,
    nodes.Mul: values.multiply,
    nodes.Div: values.divide,
    nodes.FloorDiv: values.floor_divide,
    nodes.Mod: values.remainder,
}

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": values.equal,
    "ne": values.unequal,
    "lt": values.less,
    "lteq": values.less_or_equal,
    "gt": values.greater,
    "gteq": values.greater_or_equal,
    "in": lambda value, container: values.contains(container, value),
    "notin": lambda value, container: not values.contains(container, value),
}


@dataclass
class Compilation:
    """The compilation of one expression: counts its trees and collects its references."""

    _size: int = 0
    _depth: int = 0
    _guards: int = 0
    _tested: list[ReferencePath] = field(default_factory=list)
    _found: list[Reference] = field(default_factory=list)

    def references(self) -> tuple[Reference, ...]:
        """Return the references in the compiled trees, without duplicates."""
        return tuple(dict.fromkeys(self._found))

    def compile(
        self, node: nodes.Node, used_as: str | None = None, literals: Sequence[Any] = ()
    ) -> Evaluate:
        """Return the function that evaluates a tree; raise ExpressionError if it is not allowed."""
        self._size += 1
        self._depth += 1
        if self._size > MAX_NODES or self._depth > MAX_DEPTH:
            raise ExpressionError("the expression is too large or too deeply nested")
        try:
            if isinstance(node, (nodes.Name, nodes.Getattr, nodes.Getitem)):
                return self._path(node, used_as, literals)
            method = _METHODS.get(type(node))
            if method is None:
                raise ExpressionError(f"{_name(node)} is not allowed")
            return method(self, node)
        finally:
            self._depth -= 1

    def _path(self, node: Any, used_as: str | None, literals: Sequence[Any]) -> Evaluate:
        path = path_of(node)
        # `a.b.c` is one reference. What `a[b].c` reads depends on `b`, so `a` and `b` are noted
        # separately.
        if path is not None:
            self._found.append(Reference(path, self._is_guarded(path), used_as, tuple(literals)))
        return self._read(node, whole=path is not None)

    def _read(self, node: Any, whole: bool) -> Evaluate:
        """Compile the steps of a path; `whole` means that its reference has been noted."""
        if isinstance(node, nodes.Name):
            return self._name(node, noted=whole)
        if isinstance(node, nodes.Getitem):
            if isinstance(node.arg, nodes.Slice):
                raise ExpressionError("slices are not allowed")
            key = node.arg.value if isinstance(node.arg, nodes.Const) else None
        else:
            key = node.attr
        if isinstance(key, str) and key.startswith("_"):
            raise ExpressionError(f"the field {key[:60]!r} is not allowed")
        owner = self._owner(node.node, whole)
        if key is None:
            computed = self.compile(node.arg)
            return lambda names: values.field_of(owner(names), computed(names))
        return lambda names: values.field_of(owner(names), key)

    def _owner(self, node: nodes.Node, whole: bool) -> Evaluate:
        if not whole:
            return self.compile(node)
        # Counted like any tree, but not noted: only the whole path is a reference.
        self._size += 1
        self._depth += 1
        if self._size > MAX_NODES or self._depth > MAX_DEPTH:
            raise ExpressionError("the expression is too large or too deeply nested")
        try:
            return self._read(node, whole)
        finally:
            self._depth -= 1

    def _name(self, node: nodes.Name, noted: bool) -> Evaluate:
        name = node.name
        # By convention, names with an underscore lead to Python's internals; JSON needs none.
        if name.startswith("_"):
            raise ExpressionError(f"the name {name[:60]!r} is not allowed")
        if not noted:
            self._found.append(Reference((name,), self._is_guarded((name,))))

        def read(names: Names) -> Any:
            if name in names:
                return names[name]
            raise MissingValue(f"{name[:60]!r} is not defined")

        return read

    def _is_guarded(self, path: ReferencePath) -> bool:
        # By the first name alone: if `a.b` is defined, node `a` has run and `a.c` can be read.
        return self._guards > 0 or any(path[0] == tested[0] for tested in self._tested)

    def _guarded(self, node: nodes.Node) -> Evaluate:
        self._guards += 1
        try:
            return self.compile(node)
        finally:
            self._guards -= 1

    def _const(self, node: nodes.Const) -> Evaluate:
        value = values.bounded(node.value)
        if not values.is_scalar(value):
            raise ExpressionError("this constant is not allowed")
        return lambda names: value

    def _data(self, node: nodes.TemplateData) -> Evaluate:
        text = node.data
        return lambda names: text

    def _binary(self, node: nodes.BinExpr) -> Evaluate:
        operation = _BINARY[type(node)]
        # `+` also joins texts and lists, so it says nothing about the type of its sides.
        used_as = None if isinstance(node, nodes.Add) else "number"
        left, right = self.compile(node.left, used_as), self.compile(node.right, used_as)
        return lambda names: operation(left(names), right(names))

    def _negative(self, node: nodes.Neg) -> Evaluate:
        inner = self.compile(node.node, "number")
        return lambda names: -values.number(inner(names))

    def _positive(self, node: nodes.Pos) -> Evaluate:
        inner = self.compile(node.node, "number")
        return lambda names: values.number(inner(names))

    def _and(self, node: nodes.And) -> Evaluate:
        left, right = self._either(node)
        return lambda names: left(names) and right(names)

    def _or(self, node: nodes.Or) -> Evaluate:
        left, right = self._either(node)
        return lambda names: left(names) or right(names)

    def _either(self, node: nodes.And | nodes.Or) -> tuple[Evaluate, Evaluate]:
        """Compile both sides; a path that one tests with `is defined` is optional in the other."""
        before = len(self._tested)
        self._tested.extend(_tested_in(node))
        try:
            return self.compile(node.left, "boolean"), self.compile(node.right, "boolean")
        finally:
            del self._tested[before:]

    def _not(self, node: nodes.Not) -> Evaluate:
        inner = self.compile(node.node, "boolean")
        return lambda names: not inner(names)

    def _concat(self, node: nodes.Concat) -> Evaluate:
        parts = [self.compile(part) for part in node.nodes]
        return lambda names: values.limited("".join([values.as_text(p(names)) for p in parts]))

    def _compare(self, node: nodes.Compare) -> Evaluate:
        operands = [node.expr, *(operand.expr for operand in node.ops)]
        compiled = [
            self.compile(operand, *_use_in_comparison(operand, node, operands))
            for operand in operands
        ]
        first = compiled[0]
        rest = [(_COMPARE[op.op], side) for op, side in zip(node.ops, compiled[1:], strict=True)]

        def evaluate(names: Names) -> bool:
            left = first(names)
            # As in Python: `1 < a < 5` compares neighbours, and evaluates `a` once.
            for holds, side in rest:
                right = side(names)
                if not holds(left, right):
                    return False
                left = right
            return True

        return evaluate

    def _choice(self, node: nodes.CondExpr) -> Evaluate:
        if node.expr2 is None:
            raise ExpressionError('"if" needs an "else"')
        # `b if a is defined else c`: whichever side is not chosen may be missing.
        test = self.compile(node.test, "boolean")
        compile_side = self._guarded if any(_tested_in(node.test)) else self.compile
        yes, no = compile_side(node.expr1), compile_side(node.expr2)
        return lambda names: yes(names) if test(names) else no(names)

    def _list(self, node: nodes.List | nodes.Tuple) -> Evaluate:
        items = [self.compile(item) for item in node.items]
        return lambda names: [item(names) for item in items]

    def _dict(self, node: nodes.Dict) -> Evaluate:
        pairs = [(self.compile(pair.key), self.compile(pair.value)) for pair in node.items]
        return lambda names: {values.text(key(names)): value(names) for key, value in pairs}

    def _filter(self, node: nodes.Filter) -> Evaluate:
        if node.node is None or node.kwargs or node.dyn_args or node.dyn_kwargs:
            raise ExpressionError(f"the filter {node.name[:40]!r} takes no named arguments")
        # Unlike other filters, `default` works on a missing value, so it catches the failure.
        if node.name in {"default", "d"}:
            return self._default(node)
        operation = FILTERS.get(node.name)
        if operation is None:
            raise ExpressionError(f"there is no filter {node.name[:40]!r}")
        value = self.compile(node.node)
        arguments = [self.compile(argument) for argument in node.args]

        def evaluate(names: Names) -> Any:
            try:
                return operation(value(names), *[argument(names) for argument in arguments])
            # Filters check their values themselves, so this is about the number of arguments.
            except TypeError:
                message = f"the filter {node.name!r} does not take these arguments"
                raise ExpressionError(message) from None

        return evaluate

    def _default(self, node: nodes.Filter) -> Evaluate:
        if len(node.args) != 1 or node.node is None:
            raise ExpressionError("default takes one argument")
        value, instead = self._guarded(node.node), self._guarded(node.args[0])

        def evaluate(names: Names) -> Any:
            try:
                return value(names)
            except MissingValue:
                return instead(names)

        return evaluate

    def _test(self, node: nodes.Test) -> Evaluate:
        if node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
            raise ExpressionError(f"the test {node.name[:40]!r} takes no arguments")
        if node.name in {"defined", "undefined"}:
            return self._is_defined(node)
        holds = TESTS.get(node.name)
        if holds is None:
            raise ExpressionError(f"there is no test {node.name[:40]!r}")
        value = self.compile(node.node)
        return lambda names: holds(value(names))

    def _is_defined(self, node: nodes.Test) -> Evaluate:
        wanted = node.name == "defined"
        value = self._guarded(node.node)

        def evaluate(names: Names) -> bool:
            try:
                value(names)
                return wanted
            except MissingValue:
                return not wanted

        return evaluate


_METHODS: Mapping[type[nodes.Node], Callable[[Compilation, Any], Evaluate]] = {
    nodes.Const: Compilation._const,
    nodes.TemplateData: Compilation._data,
    nodes.Neg: Compilation._negative,
    nodes.Pos: Compilation._positive,
    nodes.And: Compilation._and,
    nodes.Or: Compilation._or,
    nodes.Not: Compilation._not,
    nodes.Concat: Compilation._concat,
    nodes.Compare: Compilation._compare,
    nodes.CondExpr: Compilation._choice,
    nodes.List: Compilation._list,
    nodes.Tuple: Compilation._list,
    nodes.Dict: Compilation._dict,
    nodes.Filter: Compilation._filter,
    nodes.Test: Compilation._test,
    **dict.fromkeys(_BINARY, Compilation._binary),
}

_ORDERINGS = {"lt", "lteq", "gt", "gteq"}


def _use_in_comparison(
    operand: nodes.Node, node: nodes.Compare, operands: list[nodes.Expr]
) -> tuple[str | None, tuple[Any, ...]]:
    """Return what a comparison shows about an operand: its type and the values beside it."""
    literals = tuple(_literals_in(other for other in operands if other is not operand))
    # `'x' in a` says nothing about the type of `a`: it can be a text, a list or an object.
    searched = {"in", "notin"} & {op.op for op in node.ops}
    if searched and operand is not node.expr:
        return None, ()
    if any(op.op in _ORDERINGS for op in node.ops):
        return _type_of_all(literals) or "number", ()
    return _type_of_all(literals), literals


def _literals_in(others: Iterator[nodes.Expr]) -> Iterator[Any]:
    for other in others:
        if isinstance(other, nodes.Const) and values.is_scalar(other.value):
            yield other.value
        elif isinstance(other, (nodes.List, nodes.Tuple)):
            yield from _literals_in(iter(other.items))


def _type_of_all(literals: Sequence[Any]) -> str | None:
    kinds = {values.kind_of(literal) for literal in literals if literal is not None}
    names = {"text": "string", "number": "number", "boolean": "boolean"}
    return names.get(kinds.pop()) if len(kinds) == 1 else None


def _tested_in(node: nodes.Node) -> Iterator[ReferencePath]:
    """Yield the paths that a tree tests with `is defined` or `is undefined`."""
    # find_all looks below the node, not at the node itself.
    tests = node.find_all(nodes.Test)
    found = [node, *tests] if isinstance(node, nodes.Test) else list(tests)
    for test in found:
        if isinstance(test, nodes.Test) and test.name in {"defined", "undefined"}:
            path = path_of(test.node)
            if path is not None:
                yield path


def _name(node: nodes.Node) -> str:
    names: dict[type[nodes.Node], str] = {nodes.Call: "a call", nodes.Pow: "a power"}
    return names.get(type(node), type(node).__name__)
