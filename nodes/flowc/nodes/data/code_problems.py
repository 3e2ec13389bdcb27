"""Finds what is wrong with the code of an author before it runs."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from flowc.compiler.diagnostics import did_you_mean
from flowc.nodes.services.sandbox.asteval_modules import asteval_supplies
from flowc.nodes.services.sandbox.engine import MAX_CODE, syntax_problem
from flowc.nodes.services.sandbox.monty_modules import NATIVE, monty_supplies
from flowc.nodes.services.sandbox.rewriting import ENUMS
from flowc.nodes.services.sandbox.source import (
    Called,
    assigns_result,
    called_in,
    function_names,
    imports_in,
    parsed,
    yields_in,
)

# In the order in which they are tried if the author names none.
ENGINES = ("monty", "asteval")
_METHODS = frozenset({"property", "classmethod", "staticmethod"})


class CodeProblem(NamedTuple):
    """What is wrong with a code, as a sentence without its full stop, and what to do."""

    sentence: str
    hint: str | None = None


def modules_of(engine: str) -> list[str]:
    """Return the modules that code can import in a sandbox."""
    if engine == "asteval":
        return sorted(asteval_supplies().modules)
    return sorted({*NATIVE, *monty_supplies().modules})


@lru_cache(maxsize=256)
def engine_of(code: str) -> str:
    """Return the sandbox for a code whose author names none: the first that can run it."""
    able = (engine for engine in ENGINES if problem_of(code, engine) is None)
    return next(able, ENGINES[0])


@lru_cache(maxsize=256)
def problem_of(code: str, engine: str) -> CodeProblem | None:
    """Return the first reason why a code cannot run in a sandbox, or None."""
    try:
        tree = parsed(code)
    except SyntaxError as problem:
        return CodeProblem(f"the code has a syntax error: {syntax_problem(problem)}")
    if len(code) > MAX_CODE:
        return CodeProblem(f"the code has more than {MAX_CODE:,} characters")
    return next(_problems(tree, engine), None)


def _problems(tree: ast.Module, engine: str) -> Iterator[CodeProblem]:
    for node in _outside_functions(tree):
        if isinstance(node, ast.Return):
            hint = "Put the code into `def process(...):`, or assign the value to `result`."
            yield CodeProblem(f"line {node.lineno} returns a value outside a function", hint)
    if called_in(tree) is None and not assigns_result(tree):
        yield _without_result(function_names(tree))
    for module in imports_in(tree):
        if not module.is_tried and module.name not in modules_of(engine):
            yield _not_there(module.name, module.line, engine)
    for node in ast.walk(tree):
        said = _in_monty(node) if engine == "monty" else _in_asteval(node)
        if said is not None:
            line = getattr(node, "lineno", 1)
            yield CodeProblem(f"line {line} has {said}, which the sandbox `{engine}` cannot run")


def _outside_functions(tree: ast.Module) -> Iterator[ast.AST]:
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            todo.extend(ast.iter_child_nodes(node))


def _without_result(functions: list[str]) -> CodeProblem:
    if len(functions) > 1:
        shown = ", ".join(f"`{name}`" for name in functions[:5])
        hint = f"Name the one that is called `process`; there are {shown}."
    elif functions:
        hint = f"Write `result = ...` where the code calls `{functions[0]}`."
    else:
        hint = "Write `def process(...):` with a `return`, or assign the output to `result`."
    return CodeProblem("there is neither a function `process` nor a variable `result`", hint)


def _not_there(name: str, line: int, engine: str) -> CodeProblem:
    sentence = f"line {line} imports `{name}`, which the sandbox `{engine}` does not have"
    others = [each for each in ENGINES if each != engine and name in modules_of(each)]
    if others:
        return CodeProblem(sentence, f"`engine: {others[0]}` has it.")
    return CodeProblem(sentence, f"Available: {', '.join(modules_of(engine))}.")


def _in_monty(node: ast.AST) -> str | None:
    if isinstance(node, ast.ClassDef):
        bases = [getattr(base, "attr", getattr(base, "id", "")) for base in node.bases]
        if (bases and not ENUMS & {*bases} and bases != ["object"]) or node.keywords:
            return "a class with a base"
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        names = {getattr(each, "id", "") for each in node.decorator_list}
        if names & _METHODS:
            return f"a `@{min(names & _METHODS)}`"
    return _in_neither(node)


def _in_asteval(node: ast.AST) -> str | None:
    if isinstance(node, ast.ClassDef):
        bases = {getattr(base, "attr", getattr(base, "id", "")) for base in node.bases}
        return None if bases & ENUMS else "a class"
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return "a `with`"
    if isinstance(node, ast.Global | ast.Nonlocal):
        return "a `global` or `nonlocal`"
    if isinstance(node, ast.Raise | ast.Assert):
        return "a `raise` or `assert`"
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.decorator_list:
        return "a decorator"
    return _in_neither(node)


def _in_neither(node: ast.AST) -> str | None:
    if isinstance(node, ast.AsyncFor):
        return "an `async for`"
    if isinstance(node, ast.Lambda) and yields_in(node):
        return "a `yield` in a lambda"
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        statements = {id(n.value) for n in ast.walk(node) if isinstance(n, ast.Expr)}
        if any(id(each) not in statements for each in yields_in(node)):
            return "a `yield` whose value is used"
        if yields_in(node) and isinstance(node, ast.AsyncFunctionDef):
            return "an asynchronous generator"
    return None


def mapping_problem(code: str, mapping: Mapping[str, Any]) -> CodeProblem | None:
    """Return why a function cannot be called with these inputs, or None."""
    try:
        called = called_in(parsed(code))
    except SyntaxError:
        return None
    return next(_unfit(called, mapping), None) if called is not None else None


def _unfit(called: Called, mapping: Iterable[str]) -> Iterator[CodeProblem]:
    given, names = called.function.args, list(mapping)
    known = [each.arg for each in [*given.args, *given.kwonlyargs]]
    for name in names:
        if name not in known and given.kwarg is None:
            hint = did_you_mean(name, known) or f"Write `def {called.name}({', '.join(names)}):`."
            yield CodeProblem(f"`{called.name}` has no parameter {name!r}", hint)
    optional = {each.arg for each in given.args[len(given.args) - len(given.defaults) :]}
    pairs = zip(given.kwonlyargs, given.kw_defaults, strict=True)
    optional |= {each.arg for each, default in pairs if default is not None}
    for name in known:
        if name not in optional and name not in names:
            hint = f'Add it, for example: {{{name}: "{{{{input.{name}}}}}"}}.'
            yield CodeProblem(f"`{called.name}` needs a value for {name!r}", hint)
    for each in given.posonlyargs:
        yield CodeProblem(f"{each.arg!r} of `{called.name}` cannot be given by its name")
