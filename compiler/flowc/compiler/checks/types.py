"""Checks that references read existing fields, and values that fit where they are used."""

from collections.abc import Iterator
from dataclasses import replace

from flowc.compiler.analysis.flow import Flow
from flowc.compiler.analysis.references import Use, name_in_path, uses_in
from flowc.compiler.analysis.requirements import misfit
from flowc.compiler.analysis.sources import SchemaSource, is_lone_path, source_of
from flowc.compiler.definition.schema_paths import ABSENT, names_in, schema_at, types_of
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.diagnostics import Problem, Replacement, did_you_mean, nearest
from flowc.compiler.reading.foreign_names import length_here


def check_types(flow: Flow) -> Iterator[Problem]:
    """Yield reads of fields that do not exist, and values of a type that does not fit."""
    for name, configuration in flow.scope.configurations.items():
        for use in uses_in(configuration):
            source = source_of(flow, name, use.reference.path)
            found = schema_at(source.schema, source.path) if source is not None else None
            if source is not None and found == ABSENT and not use.reference.optional:
                yield from _unknown_field(use, source)
            elif isinstance(found, dict):
                yield from _check_fit(flow, name, use, found)


def _unknown_field(use: Use, source: SchemaSource) -> Iterator[Problem]:
    schema, path = source.schema, source.path
    depth = next(n for n in range(1, len(path) + 1) if schema_at(schema, path[:n]) == ABSENT)
    if isinstance(path[depth - 1], int) and "[" not in use.slot.source:
        # A `for` over what is no list, which check_operands reports.
        return
    around = schema_at(schema, path[: depth - 1])
    known = names_in(around) if isinstance(around, dict) else []
    message = f"{use.text!r} reads {str(path[depth - 1])!r}, which {source.owner} does not have."
    hint = did_you_mean(str(path[depth - 1]), known) if known else None
    hint = hint or length_here(use.text, path)
    near = nearest(str(path[depth - 1]), known)
    step = len(use.reference.path) - len(path) + depth - 1
    problem = Problem("unknown-field", message, use.slot.at, hint)
    problem = use.about(problem, step, name_in_path(near) if near is not None else None)
    yield _with_filter(problem, use, step) if near is None else problem


def _with_filter(problem: Problem, use: Use, step: int) -> Problem:
    """Return a problem that is mended by a filter in the place of the last field, as it hints."""
    if problem.hint is None or not problem.hint.endswith("|length."):
        return problem
    source = use.slot.source
    fix = [
        Replacement(problem.at, "|length", offset=at - 1, length=size + 1)
        for at, size in use.places(step)
        if source[at - 1] == "." and not source[at + size : at + size + 1].strip(" }|=<>)")
    ]
    return replace(problem, replacements=tuple(fix))


def _check_fit(flow: Flow, name: str, use: Use, schema: Schema) -> Iterator[Problem]:
    given = types_of(schema)
    if given is None or use.slot.role is not None or not is_lone_path(use.slot.source):
        return
    found = misfit(flow.scope, name, use.slot.path, use.text, given)
    if found is not None:
        message, hint = found
        yield Problem("type-mismatch", message, use.slot.at, hint)
