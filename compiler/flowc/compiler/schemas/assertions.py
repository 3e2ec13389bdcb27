"""The keywords that look at a value alone: its type, its size, its text, its equals."""

from collections.abc import Callable, Iterable, Mapping, Sized
from fractions import Fraction
from typing import Any

from flowc.compiler.schemas.evaluation import Keyword, Misfit, Site
from flowc.compiler.schemas.json_values import key_of, shown
from flowc.compiler.schemas.refusals import BadSchema

_Found = Iterable[Misfit]


def is_type(value: Any, name: str) -> bool:
    """Return whether a value is of a type, as JSON Schema names it.

    >>> is_type(1.0, "integer"), is_type(True, "integer")
    (True, False)
    """
    if name == "integer":
        is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return is_whole and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if name not in _TYPES:
        raise BadSchema(f"{shown(name)} is not a type")
    return isinstance(value, _TYPES[name])


_TYPES: Mapping[str, type] = {
    "string": str, "boolean": bool, "object": dict, "array": list, "null": type(None),
}  # fmt: skip


def _found(sentence: str) -> _Found:
    return (Misfit((), sentence),)


def _type(site: Site, wanted: Any, value: Any) -> _Found:
    names = [wanted] if isinstance(wanted, str) else wanted
    site.run.budget.spend(len(names))
    if any(is_type(value, name) for name in names):
        return ()
    return _found(f"{shown(value)} is not of type {', '.join(map(repr, names))}")


def _enum(site: Site, wanted: Any, value: Any) -> _Found:
    if key_of(value, site.run.budget) in site.run.keys(wanted):
        return ()
    return _found(f"{shown(value)} is not one of {shown(wanted)}")


def _const(site: Site, wanted: Any, value: Any) -> _Found:
    budget = site.run.budget
    if key_of(value, budget) == key_of(wanted, budget):
        return ()
    return _found(f"{shown(wanted)} was expected")


def _compared(is_wrong: Callable[[Any, Any], bool], words: str) -> Keyword:
    """Return a keyword that compares a number with its limit."""

    def check(site: Site, limit: Any, value: Any) -> _Found:
        # In OpenAPI 3.0, `exclusiveMinimum` may be a boolean about `minimum`.
        if not is_type(value, "number") or isinstance(limit, bool) or not is_wrong(value, limit):
            return ()
        return _found(f"{shown(value)} is {words} {shown(limit)}")

    return check


def _multiple_of(site: Site, factor: Any, value: Any) -> _Found:
    if not is_type(value, "number"):
        return ()
    # Exactly, as the numbers are written: 0.3 is a multiple of 0.1.
    number, divisor = _exact(value), _exact(factor)
    if number is None or divisor is None or (number / divisor).denominator != 1:
        return _found(f"{shown(value)} is not a multiple of {shown(factor)}")
    return ()


def _exact(number: float) -> Fraction | None:
    try:
        return Fraction(number if isinstance(number, int) else repr(number))
    except ValueError:
        # NaN and infinity.
        return None


def _sized(
    kind: type[Sized], is_wrong: Callable[[int, Any], bool], words: str, limit_0: str
) -> Keyword:
    """Return a keyword that compares the size of a value with its limit."""

    def check(site: Site, limit: Any, value: Any) -> _Found:
        if not isinstance(value, kind) or not is_wrong(len(value), limit):
            return ()
        edge = 0 if words.startswith(("is too long", "has too many")) else 1
        return _found(f"{shown(value)} {limit_0 if limit == edge else words}")

    return check


def _pattern(site: Site, wanted: Any, value: Any) -> _Found:
    if not isinstance(value, str) or site.pattern(wanted).occurs_in(value, site.run.budget):
        return ()
    return _found(f"{shown(value)} does not match {shown(wanted)}")


def _unique_items(site: Site, wanted: Any, value: Any) -> _Found:
    if wanted is not True or not isinstance(value, list):
        return ()
    seen: set[str] = set()
    for item in value:
        key = key_of(item, site.run.budget)
        if key in seen:
            return _found(f"{shown(value)} has non-unique elements")
        seen.add(key)
    return ()


def _required(site: Site, names: Any, value: Any) -> _Found:
    if not isinstance(value, dict):
        return ()
    site.run.budget.spend(len(names))
    return [Misfit((), f"{name!r} is a required property") for name in names if name not in value]


def _dependent_required(site: Site, wanted: Any, value: Any) -> _Found:
    if not isinstance(value, dict):
        return
    site.run.budget.spend(len(wanted))
    for name, others in wanted.items():
        site.run.budget.spend(len(others) if name in value else 0)
        for other in others if name in value else ():
            if other not in value:
                yield Misfit((), f"{other!r} is a dependency of {name!r}")


ASSERTIONS: Mapping[str, Keyword] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "multipleOf": _multiple_of,
    "minimum": _compared(lambda value, limit: bool(value < limit), "less than the minimum of"),
    "maximum": _compared(lambda value, limit: bool(value > limit), "greater than the maximum of"),
    "exclusiveMinimum": _compared(
        lambda value, limit: bool(value <= limit), "less than or equal to the minimum of"
    ),
    "exclusiveMaximum": _compared(
        lambda value, limit: bool(value >= limit), "greater than or equal to the maximum of"
    ),
    "minLength": _sized(str, lambda n, limit: n < limit, "is too short", "should be non-empty"),
    "maxLength": _sized(str, lambda n, limit: n > limit, "is too long", "is expected to be empty"),
    "minItems": _sized(list, lambda n, limit: n < limit, "is too short", "should be non-empty"),
    "maxItems": _sized(list, lambda n, limit: n > limit, "is too long", "is expected to be empty"),
    "minProperties": _sized(
        dict, lambda n, limit: n < limit, "does not have enough properties", "should be non-empty"
    ),
    "maxProperties": _sized(
        dict, lambda n, limit: n > limit, "has too many properties", "is expected to be empty"
    ),
    "pattern": _pattern,
    "uniqueItems": _unique_items,
    "required": _required,
    "dependentRequired": _dependent_required,
}
