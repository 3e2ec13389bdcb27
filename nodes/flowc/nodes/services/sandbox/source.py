"""Reads what the code of an author has: the function to call, a result, what it imports."""

import ast
import warnings
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

CodeFunction = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
# The names under which a function is called, whatever else the code defines.
_USUAL = ("process", "main")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


class Called(NamedTuple):
    """The function that is called with the inputs."""

    name: str
    function: CodeFunction

    @property
    def waits(self) -> bool:
        """Whether it is an `async def`."""
        return isinstance(self.function, ast.AsyncFunctionDef)


class ImportedModule(NamedTuple):
    """One module that is imported, as it is written; `is_tried` says that a `try` is around it."""

    name: str
    line: int
    is_tried: bool


def parsed(code: str) -> ast.Module:
    """Return the tree of a code; raise SyntaxError for any code that cannot be read.

    Others get the same tree, so it must not be changed.
    """
    found = _parsed(code)
    if isinstance(found, SyntaxError):
        raise found
    return found


@lru_cache(maxsize=128)
def _parsed(code: str) -> ast.Module | SyntaxError:
    try:
        with warnings.catch_warnings():
            # Such as a SyntaxWarning for "\d": the author's code, not ours.
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except SyntaxError as problem:
        return problem
    except (ValueError, RecursionError, MemoryError) as problem:
        return SyntaxError(str(problem) or "it is nested too deeply")


def called_in(tree: ast.Module) -> Called | None:
    """Return the function that a code is run by; None if its variable `result` is the output.

    It is `process`, whatever else there is; else, if no `result` is assigned, `main`, or the only
    function that the rest of the code does not use.

    >>> called_in(ast.parse("def helper(): ...\\ndef main(a): ...")).name
    'main'
    >>> called_in(ast.parse("def f(a): ...\\nresult = f(1)")) is None
    True
    """
    functions = _functions(tree)
    if "process" in functions:
        return Called("process", functions["process"])
    if assigns_result(tree):
        return None
    if "main" in functions:
        return Called("main", functions["main"])
    free = [name for name in functions if name not in _used_outside(tree, name)]
    return Called(free[0], functions[free[0]]) if len(free) == 1 else None


def function_names(tree: ast.Module) -> list[str]:
    """Return the names of the functions that a code defines at its top."""
    return list(_functions(tree))


def _functions(tree: ast.Module) -> dict[str, CodeFunction]:
    found: dict[str, CodeFunction] = {}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found[node.name] = node
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            names = [each.id for each in node.targets if isinstance(each, ast.Name)]
            found |= {name: node.value for name in names if name in _USUAL}
    return found


def _used_outside(tree: ast.Module, own: str) -> set[str]:
    """Return the names that a code reads, outside this function and the start of a script."""
    return {
        node.id
        for statement in tree.body
        if getattr(statement, "name", None) != own and not is_start(statement)
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def is_start(statement: ast.stmt) -> bool:
    """Return whether a statement is `if __name__ == "__main__"`."""
    test = statement.test if isinstance(statement, ast.If) else None
    left = test.left if isinstance(test, ast.Compare) else None
    return isinstance(left, ast.Name) and left.id == "__name__"


def assigns_result(tree: ast.Module) -> bool:
    """Return whether a code gives its variable `result` a value."""
    for node in _own_nodes(tree):
        if isinstance(node, ast.Name) and node.id == "result" and isinstance(node.ctx, ast.Store):
            return True
        if isinstance(node, ast.alias) and (node.asname or node.name) == "result":
            return True
        if isinstance(node, _SCOPES[:2]) and node.name == "result":
            return True
    return any(isinstance(node, ast.Global) and "result" in node.names for node in ast.walk(tree))


def _own_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a scope, and not those of the functions and classes in it."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        yield node
        if node is tree or not isinstance(node, _SCOPES):
            todo.extend(ast.iter_child_nodes(node))


def yields_in(function: ast.AST) -> list[ast.AST]:
    """Return the `yield` expressions of a function itself."""
    return [n for n in _own_nodes(function) if isinstance(n, (ast.Yield, ast.YieldFrom))]


def imports_in(tree: ast.Module) -> Iterator[ImportedModule]:
    """Yield the modules that a code imports, in the order of their lines."""
    tried = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Try)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                yield ImportedModule(each.name, node.lineno, id(node) in tried)
        elif isinstance(node, ast.ImportFrom):
            name = "." * node.level + (node.module or "")
            yield ImportedModule(name, node.lineno, id(node) in tried)
