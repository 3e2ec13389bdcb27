"""Compiles a stored definition to a graph that runs: the compiler's phases, in order."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowc.compiler.analysis.inference import infer
from flowc.compiler.analysis.scopes import resolve
from flowc.compiler.check import check_failure_handler, require_valid
from flowc.compiler.definition import Granularity, WorkflowDefinition, initial_values
from flowc.compiler.definition.start_forms import with_defaults
from flowc.compiler.diagnostics import Diagnostic
from flowc.compiler.lowering.graph import Lowered, lower
from flowc.compiler.node.registry import Registry
from flowc.compiler.planning.plan import Plan, make_plan
from flowc.compiler.planning.sections import PlanSection, sections_of
from flowc.compiler.reading.dialects import read_definition
from flowc.compiler.reading.documents import Document
from flowc.compiler.reading.library import Library, StoredDefinition
from flowc.compiler.schemas.fitting import Misfits, find_problems, problems_of


def compile_workflow(
    document: Document,
    registry: Registry,
    granularity: Granularity | None = None,
    library: Library | None = None,
    id: str | None = None,
) -> "CompiledWorkflow":
    """Compile a definition; raise DefinitionRefused with all its errors.

    `library` knows the stored workflows that it may run, `id` is the one it is stored under.
    Without a `granularity`, the definition's own settings decide.
    """
    library = library or Library()
    workflow = read_definition(document)
    scope = resolve(workflow, registry, library, id)
    flow, warnings = require_valid(scope, document)
    handler, _ = check_failure_handler(scope)
    inferred = infer(flow)
    plan = make_plan(inferred)
    on_failure = make_plan(infer(handler)) if handler is not None else None
    sections = sections_of(plan, granularity or workflow.settings.granularity)
    graph = lower(plan, sections)
    found = (*warnings, *map(document.diagnostic, inferred.problems))
    return CompiledWorkflow(plan, sections, graph, document, found, library.looked_up, on_failure)


@dataclass(frozen=True)
class CompiledWorkflow:
    """A workflow ready to run: `graph` is a LangGraph graph without a checkpointer.

    It holds no run's state and no event loop. Share it between runs, and give each run a copy of
    the graph with its own checkpointer. `sections` are the parts that are one LangGraph node each.
    `uses` are the stored workflows that it runs, by id and the version asked for. `on_failure` is
    what runs when a run has failed, if there is anything.
    """

    plan: Plan
    sections: tuple[PlanSection, ...]
    graph: Lowered
    document: Document
    diagnostics: tuple[Diagnostic, ...]
    uses: Mapping[tuple[str, str | None], StoredDefinition | None]
    on_failure: Plan | None = None

    @property
    def workflow(self) -> WorkflowDefinition:
        """The definition that it was compiled from."""
        return self.plan.workflow

    @property
    def hash(self) -> str:
        """A digest of what the workflow means, with the stored workflows that it runs."""
        if self.on_failure is None:
            return self.plan.hash
        both = f"{self.plan.hash} {self.on_failure.hash}"
        return hashlib.sha256(both.encode()).hexdigest()

    def exported(self) -> str:
        """Return the workflow as LangGraph Python, which runs without the compiler."""
        # Only exports need the writer of Python.
        from flowc.compiler.export import export  # noqa: PLC0415

        return export(self.plan)

    def initial_state(
        self, given: Mapping[str, Any], variables: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the state in which a run with this input, and its defaults, begins.

        `variables` are those that `begun_variables` has loaded; otherwise they have their defaults.
        """
        values = initial_values(self.workflow.variables) if variables is None else dict(variables)
        begun = {"input": with_defaults(given, self.workflow.input), "outputs": {}}
        return {**begun, **({"variables": values} if values else {})}

    def input_problems(self, given: Any) -> list[str]:
        """Return why a value cannot be this workflow's input, a sentence each; none if it can.

        Raises TooCostly if finding out takes too many steps.
        """
        if not isinstance(given, dict):
            return ["The input must be an object."]
        if not self.workflow.input:
            return []
        whole = with_defaults(given, self.workflow.input)
        return _sentences(problems_of(whole, self.workflow.input))

    async def find_input_problems(self, given: Any) -> list[str]:
        """Return what `input_problems` does, without blocking the event loop."""
        if not isinstance(given, dict) or not self.workflow.input:
            return self.input_problems(given)
        whole = with_defaults(given, self.workflow.input)
        return _sentences(await find_problems(whole, self.workflow.input))


def _sentences(misfits: Misfits) -> list[str]:
    return [f"{'.'.join(map(str, path)) or 'input'}: {sentence}" for path, sentence in misfits]
