"""Finds what is wrong with a workflow: the checks, in stages."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from flowc.compiler.analysis.flow import Flow, analyse_flow
from flowc.compiler.analysis.inference import Inferred, infer
from flowc.compiler.analysis.scopes import Scope, resolve
from flowc.compiler.checks.concurrency import check_concurrency
from flowc.compiler.checks.configuration import check_configuration
from flowc.compiler.checks.edges import check_edges
from flowc.compiler.checks.flow import check_flow
from flowc.compiler.checks.foreign_texts import check_foreign_texts
from flowc.compiler.checks.lasting import check_declarations, check_lasting
from flowc.compiler.checks.merging import check_merging
from flowc.compiler.checks.names import check_names
from flowc.compiler.checks.operands import check_operands
from flowc.compiler.checks.reachability import check_reachability
from flowc.compiler.checks.references import check_references
from flowc.compiler.checks.steps import check_steps
from flowc.compiler.checks.turns import check_turns
from flowc.compiler.checks.types import check_types
from flowc.compiler.checks.uses import check_uses
from flowc.compiler.diagnostics import DefinitionRefused, Diagnostic, Problem, has_errors
from flowc.compiler.node.registry import Registry
from flowc.compiler.reading.dialects import not_a_workflow, read_definition, read_readable
from flowc.compiler.reading.documents import Document
from flowc.compiler.reading.library import Library

# Later stages may assume what earlier ones established; the flow is analysed between the two.
STRUCTURE = (
    (check_names, check_declarations),
    (check_edges, check_configuration, check_uses, check_foreign_texts),
)
FLOW = (
    (check_reachability, check_references),
    (
        check_types,
        check_operands,
        check_flow,
        check_turns,
        check_lasting,
        check_concurrency,
        check_merging,
        check_steps,
    ),
)

Checked = TypeVar("Checked", Scope, Flow)


def check_workflow(
    document: Document,
    registry: Registry,
    library: Library | None = None,
    id: str | None = None,
) -> list[Diagnostic]:
    """Return all diagnostics of a definition: errors, warnings, and what the compiler inferred.

    `library` knows the stored workflows that it may run, `id` is the one it is stored under.
    """
    return list(examine(document, registry, library, id).diagnostics)


@dataclass(frozen=True)
class Examination:
    """What a check found out about a definition.

    `scope` is what can be drawn of it, None if that is nothing; `inferred` is None if there are
    errors, or nothing to run.
    """

    document: Document | None
    diagnostics: tuple[Diagnostic, ...]
    scope: Scope | None = None
    inferred: Inferred | None = None


def examine(
    document: Document,
    registry: Registry,
    library: Library | None = None,
    id: str | None = None,
) -> Examination:
    """Return all diagnostics of a definition, and its scope even if there are errors.

    `library` knows the stored workflows that it may run, `id` is the one it is stored under.
    """
    library = library or Library()
    try:
        scope = resolve(read_definition(document), registry, library, id)
    except DefinitionRefused as refused:
        drawn = readable_scope(document, registry, library, id)
        return Examination(document, refused.diagnostics, drawn)
    flow, problems = check_scope(scope)
    inferred = infer(flow) if flow is not None else None
    if inferred is not None:
        problems += inferred.problems
    if any(part.problems for part in scope.walk()):
        scope = resolve(scope.workflow, registry, library, id, in_part=True)
    found = tuple(document.diagnostic(problem) for problem in problems)
    is_run = inferred is not None and not scope.workflow.samples
    return Examination(document, found, scope, inferred if is_run else None)


def readable_scope(
    document: Document, registry: Registry, library: Library, id: str | None = None
) -> Scope | None:
    """Return the scope of what can be read of a definition, to draw it; None if it is nothing."""
    readable = read_readable(document)
    return None if readable is None else resolve(readable, registry, library, id, in_part=True)


def require_valid(scope: Scope, document: Document) -> tuple[Flow, tuple[Diagnostic, ...]]:
    """Return the flow of a scope and the warnings; raise DefinitionRefused if there are errors."""
    flow, problems = check_scope(scope)
    diagnostics = tuple(document.diagnostic(problem) for problem in problems)
    if flow is None:
        raise DefinitionRefused(diagnostics)
    if scope.workflow.samples:
        raise DefinitionRefused([not_a_workflow(document)])
    return flow, diagnostics


def check_failure_handler(scope: Scope) -> tuple[Flow | None, list[Problem]]:
    """Return the flow and the problems of what runs when a run of a workflow has failed.

    The flow is None if there is no such thing, or if it has errors.
    """
    if not scope.on_failure:
        return None, []
    flow, problems = _Checking().check(scope.on_failure[0])
    waiting = [] if flow is None else list(_that_wait(flow))
    return (flow if not waiting else None), [*problems, *waiting]


def _that_wait(flow: Flow) -> Iterator[Problem]:
    for part in flow.walk():
        for name, kind in part.scope.types.items():
            if kind.asks:
                message = f"{name!r} waits, and nothing waits after a run has failed."
                hint = "Let another workflow start when this one has failed: a dependency on it."
                yield Problem("waits-on-failure", message, part.scope.nodes[name].at, hint)


def check_scope(scope: Scope) -> tuple[Flow | None, list[Problem]]:
    """Return the problems of a workflow's scope, and its flow if none of them is an error."""
    flow, problems = _Checking().check(scope)
    _, more = check_failure_handler(scope)
    return (None if has_errors(more) else flow), [*problems, *more]


@dataclass
class _Checking:
    """Checks a workflow and the stored ones that it runs, each once."""

    _known: dict[Scope, tuple[Flow | None, list[Problem]]] = field(default_factory=dict)

    def check(self, scope: Scope) -> tuple[Flow | None, list[Problem]]:
        if scope not in self._known:
            self._known[scope] = self._check(scope)
        return self._known[scope]

    def _check(self, scope: Scope) -> tuple[Flow | None, list[Problem]]:
        problems = _problems(STRUCTURE, scope.walk)
        if has_errors(problems):
            return None, problems
        broken = list(self._broken_uses(scope))
        flow = analyse_flow(scope, self._flows())
        problems += _problems(FLOW, flow.walk)
        if not has_errors(problems):
            problems += broken
        return (None if has_errors(problems) else flow), problems

    def _broken_uses(self, scope: Scope) -> Iterator[Problem]:
        """Yield a problem for each node that runs a stored workflow with an error in it."""
        for part in scope.walk():
            for name, use in part.stored.items():
                assert use.scope is not None  # check_uses reports those that are refused
                _, found = self.check(use.scope)
                for problem in [each for each in found if each.severity == "error"][:1]:
                    message = f"The workflow {use.id!r} cannot run: {problem.message}"
                    yield Problem("broken-workflow", message, part.nodes[name].at)

    def _flows(self) -> dict[Scope, Flow]:
        return {scope: flow for scope, (flow, _) in self._known.items() if flow is not None}


def _problems(
    stages: Iterable[tuple[Callable[[Checked], Iterator[Problem]], ...]],
    parts: Callable[[], Iterator[Checked]],
) -> list[Problem]:
    """Return the problems of all parts, stage by stage, up to the first stage with an error."""
    found: list[Problem] = []
    for stage in stages:
        for part in parts():
            for check in stage:
                found.extend(check(part))
        if has_errors(found):
            break
    return found
