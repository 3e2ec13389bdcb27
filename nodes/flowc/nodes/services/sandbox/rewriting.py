"""Rewrites what a sandbox cannot run into what it can: imports, generators, `del`, enumerations.

The sandboxes know a part of Python. Modules that a sandbox does not have are objects of ours, under
names such as `_flowc_uuid`, and an import of one becomes an assignment. A generator becomes a
function that returns an iterator over a list: it does all its work when it is called, so one that
never ends reaches the time limit.
"""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

from flowc.nodes.services.sandbox.source import called_in, is_start, yields_in

PREFIX = "_flowc_"
_YIELDED = f"{PREFIX}yielded"
ENUMS = frozenset({"Enum", "IntEnum", "StrEnum"})


class Supplied(NamedTuple):
    """The names in the modules that a sandbox has from us, and what else it can run."""

    modules: Mapping[str, frozenset[str]]
    runs_classes: bool
    waits: bool


class RewrittenCode(NamedTuple):
    """A code as a sandbox can run it, the modules of ours that it uses, and its former lines."""

    text: str
    modules: tuple[str, ...] = ()
    lines: Mapping[int, int] = {}

    def line(self, number: int) -> int:
        """Return the line of the author's code that a line of this one comes from."""
        return self.lines.get(number, number)


def rewritten(code: str, supplied: Supplied) -> RewrittenCode:
    """Return a code as a sandbox can run it; raise SyntaxError if it cannot be read."""
    # Its own tree: rewriting changes it.
    tree = ast.parse(code)
    changes = _Rewriting(supplied, called_in(tree) is not None)
    tree = changes.visit(tree)
    if not changes.is_changed:
        return RewrittenCode(code)
    text = ast.unparse(ast.fix_missing_locations(tree))
    lines = {
        new.lineno: old.lineno
        for new, old in zip(ast.walk(ast.parse(text)), ast.walk(tree), strict=False)
        if isinstance(new, ast.stmt) and isinstance(old, ast.stmt)
    }
    return RewrittenCode(text, tuple(changes.used), lines)


@dataclass
class _Rewriting(ast.NodeTransformer):
    supplied: Supplied
    is_called: bool
    is_changed: bool = False
    used: dict[str, None] = field(default_factory=dict)

    def visit_Import(self, node: ast.Import) -> ast.AST | list[ast.stmt]:
        found: list[ast.stmt] = []
        for each in node.names:
            if each.name not in self.supplied.modules:
                found.append(ast.Import([each]))
                continue
            first = each.name.partition(".")[0]
            # `import a.b` binds `a`, and `import a.b as c` binds c to `a.b`.
            value = self._module(each.name if each.asname else first)
            found.append(_assigned(each.asname or first, value))
        return _placed(found, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | list[ast.stmt]:
        module = node.module or ""
        names = self.supplied.modules.get(module)
        if node.level or names is None:
            return node
        wanted = node.names
        if wanted[0].name == "*":
            wanted = [ast.alias(name) for name in sorted(names)]
        found: list[ast.stmt] = []
        for each in wanted:
            value = ast.Attribute(self._module(module), each.name, ast.Load())
            found.append(_assigned(each.asname or each.name, value))
        return _placed(found, node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if not yields_in(node):
            return self.generic_visit(node)
        self.is_changed = True
        body = _Yields().changed(node.body)
        start = _statement(f"{_YIELDED} = []")
        node.body = [*_placed([start], node), *body, *_placed([_RETURN()], body[-1])]
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        if self.supplied.waits:
            return self.generic_visit(node)
        self.is_changed = True
        plain = ast.FunctionDef(
            node.name, node.args, node.body, node.decorator_list, node.returns, node.type_comment
        )
        return self.visit_FunctionDef(ast.copy_location(plain, node))

    def visit_Await(self, node: ast.Await) -> ast.AST:
        return self.generic_visit(node if self.supplied.waits else self._instead(node, node.value))

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        if self.supplied.runs_classes:
            return self.generic_visit(node)
        return self.generic_visit(self._instead(node, ast.ListComp(node.elt, node.generators)))

    def visit_If(self, node: ast.If) -> ast.AST:
        if not (self.is_called and is_start(node)):
            return self.generic_visit(node)
        # The start of a script: the function is called with the inputs instead.
        self.is_changed = True
        return _placed([ast.Pass()], node)[0]

    def visit_Delete(self, node: ast.Delete) -> ast.AST | list[ast.stmt]:
        self.is_changed = True
        return _placed([_deleted(each) for each in node.targets], node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST | list[ast.stmt]:
        kinds = [name for base in node.bases if (name := _last_name(base)) in ENUMS]
        if not kinds:
            return self.generic_visit(node)
        members = ast.Dict([], [])
        for statement in node.body:
            for name in _assigned_names(statement):
                members.keys.append(ast.Constant(name))
                members.values.append(cast(ast.Assign, statement).value)
        kind = "str" if any(_last_name(base) == "str" for base in node.bases) else kinds[0]
        made = ast.Attribute(self._module("enum"), "made", ast.Load())
        arguments: list[ast.expr] = [ast.Constant(node.name), members, ast.Constant(kind)]
        return _placed([_assigned(node.name, ast.Call(made, arguments, []))], node)

    def _module(self, name: str) -> ast.expr:
        self.is_changed = True
        first, *rest = name.split(".")
        self.used[first] = None
        found: ast.expr = ast.Name(f"{PREFIX}{first}", ast.Load())
        for part in rest:
            found = ast.Attribute(found, part, ast.Load())
        return found

    def _instead(self, node: ast.expr, other: ast.expr) -> ast.expr:
        self.is_changed = True
        return ast.copy_location(other, node)


class _Yields(ast.NodeTransformer):
    """Collects in a list what a generator yields; functions inside are left alone."""

    def changed(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        """Return the body of a function that collects."""
        return [cast(ast.stmt, self.visit(statement)) for statement in body]

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if isinstance(node.value, ast.Yield):
            value = node.value.value or ast.Constant(None)
            return _placed([_collected("append", value)], node)[0]
        if isinstance(node.value, ast.YieldFrom):
            return _placed([_collected("extend", node.value.value)], node)[0]
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST:
        return _placed([_RETURN()], node)[0]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return node


def _RETURN() -> ast.stmt:
    return _statement(f"return iter({_YIELDED})")


def _statement(text: str) -> ast.stmt:
    return ast.parse(text).body[0]


def _collected(method: str, value: ast.expr) -> ast.stmt:
    collect = ast.Attribute(ast.Name(_YIELDED, ast.Load()), method, ast.Load())
    return ast.Expr(ast.Call(collect, [value], []))


def _assigned(name: str, value: ast.expr) -> ast.stmt:
    return ast.Assign([ast.Name(name, ast.Store())], value)


def _placed(statements: Sequence[ast.stmt], at: ast.AST) -> list[ast.stmt]:
    line = getattr(at, "lineno", 1)
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, (ast.stmt, ast.expr)):
                node.lineno = node.end_lineno = line
                node.col_offset = node.end_col_offset = 0
    return list(statements)


def _deleted(target: ast.expr) -> ast.stmt:
    """Return what has the effect of `del`: `a.pop(k)`, `a[1:2] = []`, or `a = None`."""
    if isinstance(target, ast.Subscript):
        target.ctx, value = ast.Store(), target.value
        if isinstance(target.slice, ast.Slice):
            return ast.Assign([target], ast.List([], ast.Load()))
        return ast.Expr(ast.Call(ast.Attribute(value, "pop", ast.Load()), [target.slice], []))
    if isinstance(target, ast.Name):
        return _assigned(target.id, ast.Constant(None))
    return ast.Delete([target])


def _last_name(base: ast.expr) -> str:
    return base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")


def _assigned_names(statement: ast.stmt) -> list[str]:
    if not isinstance(statement, ast.Assign):
        return []
    return [target.id for target in statement.targets if isinstance(target, ast.Name)]
