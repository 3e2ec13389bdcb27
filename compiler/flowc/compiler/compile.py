"""How does a stored definition become a graph that runs?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flowc.compiler.analysis.draft import Draft, new_draft
from flowc.compiler.analysis.inference import infer
from flowc.compiler.check import require_valid
from flowc.compiler.definition import Granularity, WorkflowDefinition
from flowc.compiler.definition.short_schemas import problems_of
from flowc.compiler.diagnostics import Diagnostic
from flowc.compiler.lowering.graph import Lowered, lower
from flowc.compiler.node.registry import Registry
from flowc.compiler.planning.plan import Plan, make_plan
from flowc.compiler.reading.dialects import read_definition
from flowc.compiler.reading.documents import Document
from flowc.compiler.reading.library import Library, Stored


@dataclass(frozen=True)
class CompiledWorkflow:
    """A workflow ready to run: `graph` is a LangGraph graph without a checkpointer.

    `hash` is a digest of what it means, with the stored workflows that it `uses`. It holds no
    run's state and no event loop; share it between runs, and give each run a copy with its own
    checkpointer.
    """

    workflow: WorkflowDefinition
    plan: Plan
    graph: Lowered
    document: Document
    diagnostics: tuple[Diagnostic, ...]
    hash: str
    _draft: Draft
    uses: Mapping[tuple[str, str | None], Stored | None] = field(default_factory=dict)

    def exported(self) -> str:
        """Return the workflow as LangGraph Python, which runs without the compiler."""
        from flowc.compiler.export import export  # noqa: PLC0415 - few ask for it

        return export(self._draft, self.plan)

    def initial_state(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the state in which a run with this input begins."""
        declared = self.workflow.variables
        variables = {"variables": dict(declared)} if declared else {}
        return {"input": dict(given), "outputs": {}, **variables}

    def input_problems(self, given: Any) -> list[str]:
        """Return what keeps a value from being this workflow's input, in sentences."""
        if not isinstance(given, dict):
            return ["The input must be an object."]
        found = problems_of(given, self.workflow.input) if self.workflow.input else []
        return [f"{'.'.join(map(str, path)) or 'input'}: {sentence}" for path, sentence in found]


def compile_workflow(
    document: Document,
    registry: Registry,
    granularity: Granularity | None = None,
    library: Library | None = None,
    id: str | None = None,
) -> CompiledWorkflow:
    """Compile a definition; raise DefinitionRefused with all that is wrong with it.

    `library` knows the stored workflows that it may use, `id` is the one it is stored under.
    Without a `granularity`, the definition's own settings say which it is.
    """
    workflow = read_definition(document)
    draft = new_draft(workflow, registry, library, id)
    warnings = require_valid(draft, document)
    draft, inferred = infer(draft)
    plan = make_plan(draft)
    graph = lower(plan, granularity or workflow.settings.granularity)
    infos = tuple(document.diagnostic(problem) for problem in inferred)
    uses = draft.uses.library.looked_up
    said = (*warnings, *infos)
    return CompiledWorkflow(workflow, plan, graph, document, said, draft.hash, draft, uses)
