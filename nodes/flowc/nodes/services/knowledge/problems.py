"""Translates exceptions of the documents' library into NodeErrors."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from flowc.compiler.node import NodeError
from flowc.rag.documents import DocumentRefused
from flowc.rag.embedding import EmbeddingFailed
from flowc.rag.reading import ReadersUnavailable
from flowc.rag.stores import CollectionDiffers, FilterRefused, NoSuchCollection, StoreInUse

_CODES: Mapping[type[Exception], str] = {
    NoSuchCollection: "no-such-collection",
    CollectionDiffers: "collection-differs",
    FilterRefused: "filter-refused",
    StoreInUse: "documents-in-use",
    ReadersUnavailable: "no-reader",
}


@contextmanager
def as_node_errors() -> Iterator[None]:
    """Raise a NodeError in place of an exception of flowc.rag."""
    try:
        yield
    except DocumentRefused as refused:
        raise NodeError(refused.code, refused.message) from None
    except EmbeddingFailed as failed:
        raise NodeError(
            failed.code,
            failed.message,
            kind="server-error" if failed.may_pass else None,
            retry_after=failed.retry_after,
        ) from None
    except Exception as problem:
        code = _CODES.get(type(problem))
        if code is None:
            raise
        raise NodeError(code, str(problem)) from None
