"""Checks that operators, filters and branches fit the values that they get.

A part that always fails is an error if it is evaluated each time, and otherwise a warning.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from flowc.compiler.analysis.configuration import Slot
from flowc.compiler.analysis.flow import Flow
from flowc.compiler.analysis.graph import branch_targets
from flowc.compiler.analysis.requirements import misfit
from flowc.compiler.analysis.sources import is_lone_path, source_of
from flowc.compiler.definition.schema_paths import schema_at
from flowc.compiler.diagnostics import Problem, did_you_mean, instead, nearest
from flowc.compiler.expressions import has_expressions
from flowc.compiler.expressions.offsets import offset_of
from flowc.compiler.expressions.references import ReferencePath
from flowc.compiler.expressions.syntax import parse_condition, parse_expression, parse_template
from flowc.compiler.inspection.conversions import hint_for_condition
from flowc.compiler.inspection.inspection import Finding, Inspection
from flowc.compiler.inspection.possible import ANYTHING, Possible, described_by
from flowc.compiler.inspection.texts import inspect_template, new_inspection
from flowc.compiler.inspection.written import written
from flowc.compiler.node import Role

_CONDITIONS = frozenset({Role.CONDITION, Role.ITEM_CONDITION})
# The JSON types of values as they leave an expression.
_TYPES: Mapping[str, str] = {
    "null": "null", "boolean": "boolean", "number": "number", "text": "string", "list": "array",
    "object": "object", "moment": "string", "date": "string", "duration": "number",
}  # fmt: skip
_PLAIN = re.compile(r"\{\{\s*[\w.]+\s*\}\}")


def check_operands(flow: Flow) -> Iterator[Problem]:
    """Yield operators and filters that always fail, conditions and branches decided beforehand."""
    for name, configuration in flow.scope.configurations.items():
        branches = branch_targets(flow.scope.nodes[name], flow.scope.registry)
        for slot in configuration.uses():
            if branches or slot.role in _CONDITIONS or not _is_plain(slot.source):
                yield from _check_slot(flow, name, slot)


def _is_plain(source: str) -> bool:
    """Return whether a text only fills in what it reads, which always works."""
    rest = _PLAIN.sub("", source)
    return "{{" not in rest and "{%" not in rest and has_expressions(source)


def _check_slot(flow: Flow, name: str, slot: Slot) -> Iterator[Problem]:
    def read(path: ReferencePath) -> Possible:
        return ANYTHING if path[0] in slot.own_names else _possible_at(flow, name, path)

    inspection = new_inspection(read)
    if slot.role in _CONDITIONS:
        _inspect_condition(inspection, slot.source)
    else:
        found = _inspect_value(inspection, slot)
        yield from _check_fit(flow, name, slot, found)
        yield from _check_branches(flow, name, slot, found)
    for finding in inspection.findings:
        yield _problem(finding, slot)


def _possible_at(flow: Flow, reader: str, path: ReferencePath) -> Possible:
    source = source_of(flow, reader, path)
    return described_by(schema_at(source.schema, source.path)) if source is not None else ANYTHING


def _inspect_condition(inspection: Inspection, source: str) -> None:
    tree = parse_condition(source)
    found = inspection.possible(tree)
    if found.kinds and "boolean" not in found.kinds:
        message = f"A condition must be true or false, and {written(tree)!r} is {found.words}."
        inspection.note("type-mismatch", message, hint_for_condition(tree, found), tree)
        return
    inspection.note_decision(tree, found, before=0)


def _inspect_value(inspection: Inspection, slot: Slot) -> Possible:
    if slot.role is Role.ITEM_EXPRESSION and not has_expressions(slot.source):
        return inspection.possible(parse_expression(slot.source))
    return inspect_template(inspection, parse_template(slot.source))


def _check_fit(flow: Flow, name: str, slot: Slot, found: Possible) -> Iterator[Problem]:
    """Yield a problem for a value that the field does not take; check_types has those of paths."""
    given = frozenset(_TYPES[kind] for kind in found.kinds if kind in _TYPES)
    is_known = bool(given) and found.kinds <= _TYPES.keys()
    if slot.role is not None or not is_known or is_lone_path(slot.source):
        return
    text = slot.source.strip().removeprefix("{{").removesuffix("}}").strip()
    problem = misfit(flow.scope, name, slot.path, text[:60], given)
    if problem is not None:
        message, hint = problem
        yield Problem("type-mismatch", message, slot.at, None if "{{" in text else hint)


def _check_branches(flow: Flow, name: str, slot: Slot, found: Possible) -> Iterator[Problem]:
    """Yield the branches that none of the values leads to."""
    node, kind = flow.scope.nodes[name], flow.scope.types[name]
    if found.values is None or len(slot.path) != 1:
        return
    taken = kind.branches_taken(node.config, str(slot.path[0]), found.values)
    if taken is None:
        return
    edges = {edge.branch for edge in flow.scope.workflow.edges if edge.source == name}
    branches = branch_targets(node, flow.scope.registry)
    for branch, target in branches.items():
        if branch not in taken and (target is not None or branch in edges):
            message = f"The branch {branch!r} of {name!r} is never taken: {_is_one_of(found)}."
            left = taken - {"default"} if branch != "default" else frozenset[str]()
            path = kind.branch_path(branch)
            at = node.config_at(*path)
            is_name = bool(path) and path[-1] == branch
            # Another case may have that name already.
            new = nearest(branch, left - branches.keys()) if is_name else None
            yield Problem(
                "unreachable-branch",
                message,
                at,
                did_you_mean(branch, left),
                "warning",
                on_key=True,
                replacements=instead(at, new, on_key=True),
            )


def _is_one_of(found: Possible) -> str:
    values: Sequence[str] = [repr(value) for value in found.values or ()]
    few = " or ".join(values[:6])
    return f"the value is always {few}" if len(values) <= 6 else "the cases before have all values"


def _problem(finding: Finding, slot: Slot) -> Problem:
    is_error = finding.code == "type-mismatch" and finding.is_certain
    return Problem(
        finding.code,
        finding.message,
        slot.at,
        finding.hint,
        "error" if is_error else "warning",
        offset=offset_of(finding.tree),
    )
