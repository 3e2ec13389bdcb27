"""In what form is a definition written, and what does it say in the native form?"""

from pydantic import ValidationError

from flowc.compiler.definition import WorkflowDefinition
from flowc.compiler.diagnostics import DefinitionRefused, Diagnostic
from flowc.compiler.dialects import node_list, nodes_and_edges, steps
from flowc.compiler.documents import Document
from flowc.compiler.shape import shape_problems

DIALECTS = (steps, nodes_and_edges, node_list)


def read_definition(document: Document) -> WorkflowDefinition:
    """Return a document's workflow; raise DefinitionRefused if its shape is none that we know."""
    for dialect in DIALECTS:
        if not dialect.recognises(document.data):
            continue
        try:
            definition: WorkflowDefinition = dialect.read(document.data)
            return definition
        except ValidationError as error:
            problems = shape_problems(error, dialect.FORM, document.data)
            raise DefinitionRefused([document.diagnostic(p) for p in problems]) from None
    message = "This is no workflow: it has neither `nodes` nor `steps`."
    hint = "Start with `nodes:` and `edges:`, or with `steps:`."
    raise DefinitionRefused([Diagnostic("unknown-form", message, document.place(()), hint)])
