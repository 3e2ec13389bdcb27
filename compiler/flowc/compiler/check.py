"""What is wrong with a workflow?"""

from flowc.compiler.analysis.draft import Draft, new_draft
from flowc.compiler.analysis.inference import infer
from flowc.compiler.checks.concurrency import check_concurrency
from flowc.compiler.checks.configuration import check_configuration
from flowc.compiler.checks.edges import check_edges
from flowc.compiler.checks.flow import check_flow
from flowc.compiler.checks.names import check_names
from flowc.compiler.checks.reachability import check_reachability
from flowc.compiler.checks.references import check_references
from flowc.compiler.checks.types import check_types
from flowc.compiler.checks.uses import check_uses
from flowc.compiler.diagnostics import DefinitionRefused, Diagnostic, Problem, has_errors
from flowc.compiler.node.registry import Registry
from flowc.compiler.reading.dialects import not_a_workflow, read_definition
from flowc.compiler.reading.documents import Document
from flowc.compiler.reading.library import Library

# Later checks may assume what earlier ones established.
STAGES = (
    (check_names,),
    (check_edges, check_configuration, check_uses),
    (check_reachability, check_references),
    (check_types, check_flow, check_concurrency),
)


def check_workflow(
    document: Document,
    registry: Registry,
    library: Library | None = None,
    id: str | None = None,
) -> list[Diagnostic]:
    """Return all that there is to say of a definition, without building anything of it.

    `library` knows the stored workflows that it may use, `id` is the one it is stored under.
    """
    try:
        draft = new_draft(read_definition(document), registry, library, id)
    except DefinitionRefused as refused:
        return list(refused.diagnostics)
    problems = check_draft(draft)
    if not has_errors(problems):
        problems += infer(draft)[1]
    return [document.diagnostic(problem) for problem in problems]


def require_valid(draft: Draft, document: Document) -> tuple[Diagnostic, ...]:
    """Return the warnings; raise DefinitionRefused if there are errors."""
    diagnostics = tuple(document.diagnostic(problem) for problem in check_draft(draft))
    if has_errors(diagnostics):
        raise DefinitionRefused(diagnostics)
    if draft.workflow.samples:
        raise DefinitionRefused([not_a_workflow(document)])
    return diagnostics


def check_draft(draft: Draft) -> list[Problem]:
    """Return the problems of a draft; a stored workflow that it runs is one if it cannot run."""
    found = _check_alone(draft)
    if not has_errors(found):
        found += _broken_uses(draft, {})
    return found


def _check_alone(draft: Draft) -> list[Problem]:
    """Return the problems found, stage by stage, up to the first stage with an error."""
    found: list[Problem] = []
    for stage in STAGES:
        for part in draft.walk():
            for check in stage:
                found.extend(check(part))
        if has_errors(found):
            break
    return found


def _broken_uses(draft: Draft, known: dict[int, list[Problem]]) -> list[Problem]:
    """Return a problem for each node that runs a stored workflow with an error in it."""
    found: list[Problem] = []
    for part in draft.walk():
        for name, use in part.used.items():
            assert use.draft is not None  # the checks have seen that there is one
            if id(use.draft) not in known:
                alone = _check_alone(use.draft)
                below = [] if has_errors(alone) else _broken_uses(use.draft, known)
                known[id(use.draft)] = [p for p in (*alone, *below) if p.severity == "error"]
            for problem in known[id(use.draft)][:1]:
                message = f"The workflow {use.id!r} cannot run: {problem.message}"
                found.append(Problem("broken-workflow", message, part.nodes[name].at))
    return found
