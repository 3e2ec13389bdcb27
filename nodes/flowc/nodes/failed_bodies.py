"""What a body that fails has left, in an exported graph: the variables that its nodes have set.

LangGraph drops the state of a graph in which a node raises, so nodes note what they write here.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from flowc.compiler.node import BodyFailed, NodeError

_WRITTEN: ContextVar[dict[str, Any] | None] = ContextVar("written", default=None)


@contextmanager
def noting_variables() -> Iterator[None]:
    """Run a body: a BodyFailed that leaves it has the variables that were noted in it."""
    written: dict[str, Any] = {}
    token = _WRITTEN.set(written)
    try:
        yield
    except BodyFailed as failure:
        variables = {**written, **failure.left.variables}
        failure.left = failure.left._replace(variables=variables)
        raise
    finally:
        _WRITTEN.reset(token)


def note_variables(variables: Mapping[str, Any]) -> None:
    """Note variables that a node has set."""
    written = _WRITTEN.get()
    if written is not None:
        written.update(variables)


def as_body_failure(failure: NodeError, name: str, attempts: int) -> BodyFailed:
    """Return a failure of a node as it is for the node around its body."""
    if isinstance(failure, BodyFailed):
        return failure
    about = (failure.code, failure.message, name, attempts, failure.evidence.at or ())
    return BodyFailed(*about, failure.evidence)
