"""The sources that an answer cites, as objects with a `url`, from the forms that providers use."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Citation = Mapping[str, Any]


def citations_of(response: Any, message: Any) -> tuple[Citation, ...]:
    """Return what a whole answer cites, each source once."""
    return unique_citations(
        [*_of_sources(getattr(response, "citations", None)), *_of_message(message)]
    )


def citations_in_chunk(chunk: Any) -> Iterator[Citation]:
    """Yield what a chunk of a stream adds."""
    yield from _of_sources(getattr(chunk, "citations", None))
    for choice in chunk.choices or ():
        yield from _of_message(choice.delta)


def unique_citations(found: Iterable[Citation]) -> tuple[Citation, ...]:
    """Return citations without repetitions, in their order."""
    kept: list[Citation] = []
    for each in found:
        if each not in kept:
            kept.append(each)
    return tuple(kept)


def _of_message(message: Any) -> Iterator[Citation]:
    for annotation in getattr(message, "annotations", None) or ():
        plain = _plain(annotation)
        if isinstance(plain, dict):
            inner = plain.get(str(plain.get("type")))
            yield inner if isinstance(inner, dict) else plain
    specific = getattr(message, "provider_specific_fields", None) or {}
    for name in ("citations", "citation"):
        yield from _of_sources(specific.get(name))


def _of_sources(given: Any) -> Iterator[Citation]:
    """Yield the sources in a list of addresses, of objects, or of lists of them."""
    if isinstance(given, str):
        yield {"url": given}
    elif isinstance(given, dict):
        yield {name: value for name, value in given.items() if value is not None}
    elif isinstance(given, list | tuple):
        for each in given:
            yield from _of_sources(_plain(each))


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value
