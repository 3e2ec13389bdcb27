"""Are the workflows there that nodes run, and are they given what they ask for?"""

from collections.abc import Iterator, Mapping
from typing import Any

from flowc.compiler.analysis.draft import Draft
from flowc.compiler.diagnostics import Problem, did_you_mean


def check_uses(draft: Draft) -> Iterator[Problem]:
    """Yield the stored workflows that cannot be run, and inputs that do not fit."""
    for name, use in draft.used.items():
        if use.refusal is not None:
            code, message = use.refusal
            at = draft.nodes[name].config_at(draft.types[name].body_field or "")
            yield Problem(code, message, at)
    for name, kind in draft.types.items():
        inner = draft.inside(name) if kind.is_isolated else None
        given = draft.nodes[name].config.get("input", {})
        if inner is not None and isinstance(given, dict):
            yield from _check_input(draft, name, given, inner.workflow.input or {})


def _check_input(
    draft: Draft, name: str, given: Mapping[str, Any], schema: Mapping[str, Any]
) -> Iterator[Problem]:
    node = draft.nodes[name]
    declared = schema.get("properties")
    for field in schema.get("required", ()):
        if field not in given:
            message = f"The workflow that {name!r} runs needs the input {field!r}."
            yield Problem("missing-input", message, node.config_at("input"))
    if declared is None or schema.get("additionalProperties"):
        return
    for field in given:
        if field not in declared:
            message = f"{field[:60]!r} is not an input of the workflow that {name!r} runs."
            hint = did_you_mean(field, declared)
            yield Problem("unknown-input", message, node.config_at("input", field), hint)
