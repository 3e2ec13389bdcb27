"""The forms a definition can be written in; each is read into the native form.

A dialect is a module with `FORM` and `BODY` (pydantic models), `recognises(data)` and
`read(form, at)`, which returns a WorkflowDefinition.
"""

from typing import Any

from pydantic import ValidationError

from flowc.compiler.definition import WorkflowDefinition
from flowc.compiler.diagnostics import DefinitionRefused, Diagnostic, Pointer, Problem
from flowc.compiler.reading.dialects import node_list, nodes_and_edges, steps, tools
from flowc.compiler.reading.documents import Document
from flowc.compiler.reading.model_problems import shape_problems
from flowc.compiler.reading.readable_parts import readable_part, without_placeholders

DIALECTS = (steps, nodes_and_edges)


class Misshapen(Exception):
    """The data is not a workflow in any of the known forms; `problems` say why."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__(problems[0].message)


def read_definition(document: Document) -> WorkflowDefinition:
    """Return the workflow in a document; raise DefinitionRefused if it has no known form."""
    try:
        if node_list.recognises(document.data):
            return _read(node_list, node_list.FORM, document.data, ())
        return read_workflow(document.data)
    except Misshapen as wrong:
        raise DefinitionRefused([document.diagnostic(p) for p in wrong.problems]) from None


def read_readable(document: Document) -> WorkflowDefinition | None:
    """Return what can be read of the workflow in a document, without the parts that cannot."""
    try:
        if node_list.recognises(document.data):
            return _read(node_list, node_list.FORM, document.data, (), in_part=True)
        return read_workflow(document.data, in_part=True)
    except Misshapen:
        return None


def read_workflow(data: Any, at: Pointer = (), in_part: bool = False) -> WorkflowDefinition:
    """Return the workflow at this path of a document; raise Misshapen if it is not one.

    What is read `in_part` has no parts that cannot be read.
    """
    dialect = _dialect_of(data, at)
    return _read(dialect, dialect.FORM, data, at, in_part)


def read_body(data: Any, at: Pointer, in_part: bool = False) -> WorkflowDefinition:
    """Return the nodes and edges inside a node, where no other keys are allowed."""
    dialect = _dialect_of(data, at)
    return _read(dialect, dialect.BODY, data, at, in_part)


def read_tools(data: Any, at: Pointer, in_part: bool = False) -> WorkflowDefinition:
    """Return the tools of an agent, as nodes without edges."""
    return _read(tools, tools.BODY, data, at, in_part)


def not_a_workflow(document: Document) -> Diagnostic:
    """Return the diagnostic for a list of nodes: it can be checked, but not run."""
    message = "A list of nodes can be checked but not run; a workflow has `nodes: [...]`."
    return document.diagnostic(Problem("not-a-workflow", message, ()))


def _dialect_of(data: Any, at: Pointer) -> Any:
    for dialect in DIALECTS:
        if dialect.recognises(data):
            return dialect
    message = "This is not a workflow: it has neither `nodes` nor `steps`."
    hint = "Start with `nodes:` and `edges:`, or with `steps:`."
    raise Misshapen([Problem("unknown-form", message, at, hint)])


def _read(
    dialect: Any, form: Any, data: Any, at: Pointer, in_part: bool = False
) -> WorkflowDefinition:
    try:
        definition: WorkflowDefinition = dialect.read(form.model_validate(data), at)
    except ValidationError as error:
        left = readable_part(form, data) if in_part else None
        if left is None:
            raise Misshapen(list(shape_problems(error, form, data, at))) from None
        return without_placeholders(dialect.read(left, at))
    return definition
