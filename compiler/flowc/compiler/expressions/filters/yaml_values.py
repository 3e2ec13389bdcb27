"""Reads YAML text into values, event by event, so that other threads can work meanwhile."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from flowc.compiler.expressions.errors import ExpressionError
from flowc.compiler.expressions.frame import Frame
from flowc.compiler.expressions.values import as_text, bounded, is_scalar, limited, text

_MOST_LEVELS = 100


def from_yaml(frame: Frame, value: Any) -> Any:
    """Return the value of a YAML document; raise ExpressionError for aliases and other types."""
    import yaml  # noqa: PLC0415 - most workflows read no YAML

    frame.budget.spend(len(limited(text(value))))
    try:
        # libyaml builds values by recursion and in one piece; of events it makes one at a time.
        events = yaml.parse(value, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        found = [_value_of(event, events, 0) for event in events if _begins_a_value(event)]
    except ExpressionError:
        raise
    except (yaml.YAMLError, ValueError, TypeError, AttributeError) as problem:
        reason = " ".join(str(problem).split())[:150]
        raise ExpressionError(f"the text is not YAML: {reason}") from None
    if len(found) > 1:
        raise ExpressionError("the text has several YAML documents")
    return found[0] if found else None


def _begins_a_value(event: Any) -> bool:
    return not type(event).__name__.startswith(("Stream", "Document"))


def _value_of(event: Any, events: Iterator[Any], depth: int) -> Any:
    kind = type(event).__name__
    if kind == "ScalarEvent":
        return _scalar(event.tag, event.value, event.implicit)
    if kind == "AliasEvent":
        # With aliases, a short text becomes a huge value.
        raise ExpressionError("aliases (*name) in YAML are not allowed")
    if depth >= _MOST_LEVELS:
        raise ExpressionError("the values are nested too deeply")
    if event.tag not in (None, "!", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"):
        raise ExpressionError(f"YAML of the type {event.tag[:60]!r} is not allowed")
    end = kind.replace("Start", "End")
    inside = _inside(events, end, depth)
    if kind == "SequenceStartEvent":
        return list(inside)
    return {_key(key): next(inside) for key in inside}


def _inside(events: Iterator[Any], end: str, depth: int) -> Iterator[Any]:
    for event in events:
        if type(event).__name__ == end:
            return
        yield _value_of(event, events, depth + 1)


def _key(value: Any) -> str:
    if isinstance(value, (list, dict)):
        raise ExpressionError("the keys of an object in YAML must be text")
    return value if isinstance(value, str) else as_text(value)


def _scalar(tag: str | None, value: str, implicit: tuple[bool, bool]) -> Any:
    if len(value) > 300 and tag is None and implicit[0]:
        return value
    found = _constructed(tag, value, implicit)
    if is_scalar(found):
        return bounded(found)
    if hasattr(found, "isoformat"):
        return found.isoformat()
    raise ExpressionError(f"YAML of the type {type(found).__name__} is not allowed")


def _constructed(tag: str | None, value: str, implicit: tuple[bool, bool]) -> Any:
    from yaml import ScalarNode  # noqa: PLC0415 - as above

    resolver, constructor = _readers()
    is_known = tag is not None and tag != "!"
    known: Any = tag if is_known else resolver.resolve(ScalarNode, value, implicit)
    return constructor.construct_object(ScalarNode(known, value))


@lru_cache(1)
def _readers() -> tuple[Any, Any]:
    from yaml.constructor import SafeConstructor  # noqa: PLC0415 - as above
    from yaml.resolver import Resolver  # noqa: PLC0415 - as above

    class Forgetful(SafeConstructor):  # one for all values: what it has made is not kept
        def construct_object(self, node: Any, deep: bool = False) -> Any:
            """Return the value of a scalar."""
            found = super().construct_object(node, deep)
            self.constructed_objects = {}
            return found

    return Resolver(), Forgetful()
