"""What values an expression can have, as far as schemas and the expression itself show."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flowc.compiler.definition.schema_paths import schema_at, types_of
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.expressions.arithmetic import equal
from flowc.compiler.expressions.filters.word import ALL_KINDS
from flowc.compiler.expressions.values import kind_of

EVERY_KIND = frozenset(ALL_KINDS)
MOST_VALUES = 50

_KINDS_OF_TYPES: Mapping[str, str] = {
    "null": "null", "boolean": "boolean", "number": "number", "integer": "number",
    "string": "text", "array": "list", "object": "object",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Possible:
    """The values that an expression can have.

    `values` are all of them, if they are few and known; `least` and `most` are bounds of numbers,
    `schema` describes JSON values, and `items` are those of a list. Without any kind there is no
    value: the evaluation always fails.
    """

    kinds: frozenset[str] = EVERY_KIND
    values: tuple[Any, ...] | None = None
    least: float | None = None
    most: float | None = None
    schema: Schema | None = None
    items: "Possible | None" = None

    @property
    def words(self) -> str:
        """The kinds, as messages name them."""
        if self.kinds == EVERY_KIND:
            return "any value"
        return " or ".join(kind for kind in ALL_KINDS if kind in self.kinds)

    @property
    def truth(self) -> frozenset[bool]:
        """Whether the values count as true, as false, or some as one and some as the other."""
        if self.values is not None:
            return frozenset(bool(value) for value in self.values)
        if self.kinds <= {"null"}:
            return frozenset({False}) if self.kinds else frozenset()
        return frozenset({True} if self.kinds <= {"moment", "date"} else {True, False})

    def counting_as(self, wanted: bool) -> "Possible":
        """Return those of the values that count as true, or as false."""
        if self.values is not None:
            return among([value for value in self.values if bool(value) is wanted])
        return replace(self, kinds=self.kinds - {"null"}) if wanted else self


ANYTHING = Possible()
NOTHING = Possible(frozenset(), ())
TEXT = Possible(frozenset({"text"}))
NUMBER = Possible(frozenset({"number"}))
NULL = Possible(frozenset({"null"}), (None,))
TRUE_OR_FALSE = Possible(frozenset({"boolean"}))


def of_kinds(words: str) -> Possible:
    """Return all values of some kinds, such as `text or null`; `any` is all of them.

    >>> of_kinds("null or text").words
    'null or text'
    """
    return ANYTHING if words == "any" else Possible(frozenset(words.split(" or ")))


def among(values: Iterable[Any]) -> Possible:
    """Return a choice of values, each listed once if they are few."""
    given = list(values)
    found: list[Any] = []
    # To compare many of them with each other would take long.
    for value in given if len(given) <= 2 * MOST_VALUES else ():
        if not any(kind_of(value) == kind_of(other) and equal(value, other) for other in found):
            found.append(value)
    few = tuple(found) if found and len(found) <= MOST_VALUES else None
    numbers = [value for value in given if kind_of(value) == "number"]
    kinds = frozenset(map(kind_of, given))
    return Possible(
        kinds, few if kinds else (), min(numbers, default=None), max(numbers, default=None)
    )


def described_by(schema: Any) -> Possible:
    """Return the values that a JSON Schema allows.

    >>> described_by({"type": "integer", "minimum": 1}).least
    1
    >>> described_by({"enum": ["a", "b"]}).values
    ('a', 'b')
    """
    types = types_of(schema)
    if types is None or not isinstance(schema, dict) or not types <= _KINDS_OF_TYPES.keys():
        return ANYTHING
    if "const" in schema or "enum" in schema:
        listed = schema["enum"] if "enum" in schema else [schema["const"]]
        return among([*listed, *([None] if "null" in types else [])])
    if types <= {"boolean", "null"}:
        return among([None] * ("null" in types) + [True, False] * ("boolean" in types))
    kinds = frozenset(_KINDS_OF_TYPES[name] for name in types)
    return Possible(
        kinds, None, _number(schema.get("minimum")), _number(schema.get("maximum")), schema
    )


def _number(value: Any) -> float | None:
    return value if kind_of(value) == "number" else None


def either(*options: Possible) -> Possible:
    """Return the values of all options."""
    found = [option for option in options if option.kinds]
    if len(found) < 2:
        return found[0] if found else NOTHING
    if all(option.values is not None for option in found):
        return among([value for option in found for value in option.values or ()])
    numbers = [option for option in found if "number" in option.kinds]
    lists = [option for option in found if "list" in option.kinds]
    inside = [option for option in found if option.kinds & {"list", "object"}]
    return Possible(
        frozenset().union(*(option.kinds for option in found)),
        None,
        _bound(min, [option.least for option in numbers]),
        _bound(max, [option.most for option in numbers]),
        inside[0].schema if len(inside) == 1 else None,
        either(*map(_listed, lists)) if any(each.items for each in lists) else None,
    )


def _bound(choose: Any, bounds: list[float | None]) -> float | None:
    return choose(bounds) if bounds and None not in bounds else None


def list_of(items: Possible) -> Possible:
    """Return all lists of such items."""
    return Possible(frozenset({"list"}), items=items)


def item_of(found: Possible) -> Possible:
    """Return what an item can be: of a list, or the key of an object."""
    options = [TEXT] if "object" in found.kinds else []
    if "list" in found.kinds:
        options.append(_listed(found))
    return either(*options) if options else ANYTHING


def _listed(found: Possible) -> Possible:
    if found.items is not None:
        return found.items
    return _within(found.schema, 0)


def field_of_possible(found: Possible, key: str | int | None) -> Possible:
    """Return what a field or an item can be; a key of None is one that is computed."""
    if not found.kinds:
        return NOTHING
    if isinstance(key, int) and found.kinds <= {"list", "text", "null"}:
        options = [TEXT] if "text" in found.kinds else []
        return either(*options, *([_listed(found)] if "list" in found.kinds else []))
    if key is None or not found.kinds <= {"object", "null"}:
        return ANYTHING
    return _within(found.schema, key)


def _within(schema: Schema | None, key: str | int) -> Possible:
    inside = schema_at(schema, [key]) if schema is not None else None
    return described_by(inside) if isinstance(inside, dict) else ANYTHING
