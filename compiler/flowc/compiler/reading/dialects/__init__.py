"""In what form is a definition written, and what does it say in the native form?"""

from typing import Any

from pydantic import ValidationError

from flowc.compiler.definition import WorkflowDefinition
from flowc.compiler.diagnostics import DefinitionRefused, Diagnostic, Pointer, Problem
from flowc.compiler.reading.dialects import node_list, nodes_and_edges, steps, tools
from flowc.compiler.reading.documents import Document
from flowc.compiler.reading.model_problems import shape_problems

DIALECTS = (steps, nodes_and_edges)


class Misshapen(Exception):
    """Data that is no workflow in any form; `problems` say why."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__(problems[0].message)


def read_definition(document: Document) -> WorkflowDefinition:
    """Return a document's workflow; raise DefinitionRefused if its shape is none that we know."""
    try:
        if node_list.recognises(document.data):
            return _read(node_list, node_list.FORM, document.data, ())
        return read_workflow(document.data)
    except Misshapen as wrong:
        raise DefinitionRefused([document.diagnostic(p) for p in wrong.problems]) from None


def read_workflow(data: Any, at: Pointer = ()) -> WorkflowDefinition:
    """Return the workflow that stands at this place of a document; raise Misshapen."""
    dialect = _dialect_of(data, at)
    return _read(dialect, dialect.FORM, data, at)


def read_body(data: Any, at: Pointer) -> WorkflowDefinition:
    """Return nodes and edges that stand in a node, where nothing else may be said of them."""
    dialect = _dialect_of(data, at)
    return _read(dialect, dialect.BODY, data, at)


def read_tools(data: Any, at: Pointer) -> WorkflowDefinition:
    """Return the tools of an agent, as nodes without edges."""
    return _read(tools, tools.BODY, data, at)


def not_a_workflow(document: Document) -> Diagnostic:
    """Say that a list of nodes, which can be checked, is no workflow to run."""
    message = "This is a list of nodes, which can be checked; a workflow has `nodes: [...]`."
    return Diagnostic("not-a-workflow", message, document.place(()))


def _dialect_of(data: Any, at: Pointer) -> Any:
    for dialect in DIALECTS:
        if dialect.recognises(data):
            return dialect
    message = "This is no workflow: it has neither `nodes` nor `steps`."
    hint = "Start with `nodes:` and `edges:`, or with `steps:`."
    raise Misshapen([Problem("unknown-form", message, at, hint)])


def _read(dialect: Any, form: Any, data: Any, at: Pointer) -> WorkflowDefinition:
    try:
        definition: WorkflowDefinition = dialect.read(form.model_validate(data), at)
    except ValidationError as error:
        raise Misshapen(list(shape_problems(error, form, data, at))) from None
    return definition
