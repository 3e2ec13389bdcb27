"""Checks the declarations of variables, and that nodes set them as they are declared."""

from collections.abc import Iterator

from pydantic import ValidationError

from flowc.compiler.analysis.flow import Flow
from flowc.compiler.analysis.scopes import Scope
from flowc.compiler.definition import (
    VariableDeclaration,
    declarations_in,
    is_declaration,
    problems_of,
)
from flowc.compiler.diagnostics import Pointer, Problem
from flowc.compiler.expressions import has_expressions
from flowc.compiler.reading.model_problems import shape_problems
from flowc.compiler.schemas.refusals import TooCostly


def check_declarations(scope: Scope) -> Iterator[Problem]:
    """Yield what is wrong with the declarations of variables, and with their defaults."""
    if scope.outer is not None:
        return
    for name, value in scope.workflow.variables.items():
        if not is_declaration(value):
            continue
        try:
            declared = VariableDeclaration.model_validate(value)
        except ValidationError as error:
            yield from shape_problems(error, VariableDeclaration, value, ("variables", name))
            continue
        if "default" in value:
            at = ("variables", name, "default")
            yield from _check_value(name, declared, declared.default, at)


def check_lasting(flow: Flow) -> Iterator[Problem]:
    """Yield nodes that set variables in another scope, or values that do not fit."""
    declared = declarations_in(flow.scope.whole.workflow.variables)
    scopes = _scopes(flow.scope.whole)
    for name, kind in flow.scope.types.items():
        node = flow.scope.nodes[name]
        if not kind.sets_variables or not isinstance(node.config.get("variables"), dict):
            continue
        for variable, value in node.config["variables"].items():
            own = node.config.get("scope")
            known = scopes.get(variable, "run")
            if own is not None and own != known:
                message = f"{name!r} sets {variable!r} of the {own}, but it is one of the {known}."
                hint = f"Write `scope: {known}`, or declare the variable with `scope: {own}`."
                yield Problem("scope-differs", message, node.config_at("scope"), hint)
            if variable in declared and not _is_computed(value):
                at = node.config_at("variables", variable)
                yield from _check_value(variable, declared[variable], value, at)
        yield from _check_expected(name, flow.scope, scopes)


def _scopes(whole: Scope) -> dict[str, str]:
    """Return the scope of each variable: the declared one, or that of the first node with one."""
    found: dict[str, str] = {}
    for name, value in whole.workflow.variables.items():
        found[name] = str(value["scope"]) if is_declaration(value) else "run"
    for part in whole.walk():
        for name, kind in part.types.items():
            scope = part.nodes[name].config.get("scope")
            if kind.sets_variables and isinstance(scope, str) and part.whole is whole:
                for variable in kind.writes(part.nodes[name].config):
                    found.setdefault(variable, scope)
    return found


def _check_expected(name: str, scope: Scope, scopes: dict[str, str]) -> Iterator[Problem]:
    node = scope.nodes[name]
    expected = node.config.get("expect")
    if not isinstance(expected, dict):
        return
    own = node.config.get("scope")
    found = {variable: own or scopes.get(variable, "run") for variable in expected}
    for variable, lasting in found.items():
        at = node.config_at("expect", variable)
        if lasting == "run":
            message = f"{variable!r} is a variable of the run, which no other run changes."
            hint = "Declare it as {scope: workflow}, or compare it in a conditional."
            yield Problem("needless-expect", message, at, hint)
        elif lasting != next(iter(found.values())):
            message = f"{name!r} expects values of variables in several scopes."
            hint = "Use one `set` node for each scope."
            yield Problem("needless-expect", message, at, hint)


def _check_value(
    name: str, declared: VariableDeclaration, value: object, at: Pointer
) -> Iterator[Problem]:
    if declared.type is None:
        return
    try:
        misfits = problems_of(value, declared.type)
    except TooCostly:
        return
    for path, sentence in misfits[:1]:
        where = ".".join(map(str, (name, *path)))
        message = f"The value does not fit the variable: {where}: {sentence}."
        hint = "Write a value of the declared type, or declare another one."
        yield Problem("variable-does-not-fit", message, (*at, *path), hint)


def _is_computed(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_is_computed, value.values()))
    if isinstance(value, list):
        return any(map(_is_computed, value))
    return isinstance(value, str) and has_expressions(value)
