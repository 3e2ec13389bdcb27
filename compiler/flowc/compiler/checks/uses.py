"""Checks that the stored workflows which nodes run exist and receive the inputs they declare."""

from collections.abc import Iterator, Mapping
from typing import Any

from flowc.compiler.analysis.scopes import Scope
from flowc.compiler.diagnostics import Problem, did_you_mean, instead, nearest


def check_uses(scope: Scope) -> Iterator[Problem]:
    """Yield the stored workflows that cannot run, and the inputs that do not fit."""
    for name, use in scope.stored.items():
        if use.refusal is not None:
            code, message = use.refusal
            at = scope.nodes[name].config_at(scope.types[name].body_field or "")
            yield Problem(code, message, at)
    for name, kind in scope.types.items():
        inner = scope.inside(name) if kind.is_isolated else None
        given = scope.nodes[name].config.get("input", {})
        if inner is not None and isinstance(given, dict):
            yield from _check_input(scope, name, given, inner.workflow.input or {})


def _check_input(
    scope: Scope, name: str, given: Mapping[str, Any], schema: Mapping[str, Any]
) -> Iterator[Problem]:
    node = scope.nodes[name]
    declared = schema.get("properties")
    for field in schema.get("required", ()):
        if field not in given:
            message = f"The workflow that {name!r} runs requires the input {field!r}."
            example = f"Add it: `input: {{{field}: …}}`."
            yield Problem("missing-input", message, node.config_at("input"), example)
    if declared is None or schema.get("additionalProperties"):
        return
    for field in given:
        if field not in declared:
            message = f"{field[:60]!r} is not an input of the workflow that {name!r} runs."
            hint, at = did_you_mean(field, declared), node.config_at("input", field)
            near = nearest(field, set(declared) - set(given))
            fix = instead(at, near, on_key=True)
            yield Problem("unknown-input", message, at, hint, on_key=True, replacements=fix)
