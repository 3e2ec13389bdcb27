"""Finds what is wrong with a schema before any value is held against it.

A schema is sound if every keyword has what it needs, every pattern can be matched in linear time,
every reference leads to a schema in it, none leads back to itself for the same value, and one value
is not held against a schema too often.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from flowc.compiler.diagnostics import Pointer
from flowc.compiler.schemas.json_values import shown
from flowc.compiler.schemas.patterns import compile_pattern
from flowc.compiler.schemas.refusals import BadSchema
from flowc.compiler.schemas.scope import SchemaScope, scope_of
from flowc.compiler.schemas.vocabulary import (
    ALWAYS_IN_PLACE,
    IN_PLACE,
    ONE_SCHEMA,
    REFERENCES,
    SCHEMA_LISTS,
    SCHEMA_MAPS,
    SHAPES,
)

# How often one value may be held against schemas, without what is in the value.
MOST_IN_PLACE = 100_000
_STEP = "Refer to it under `properties` or `items`, where a smaller value follows."


def require_sound(schema: Any, *, is_foreign: bool = False) -> None:
    """Raise BadSchema unless a schema is sound.

    Of a schema that a service publishes, `is_foreign`, the shapes of keywords are not looked at:
    many are written for another version of JSON Schema.

    >>> require_sound({"type": "string", "pattern": "^[a-z]+$"})
    >>> try:
    ...     require_sound({"properties": {"a": {"$ref": "#/properties/b"}}})
    ... except BadSchema as problem:
    ...     print(problem, problem.path)
    the reference '#/properties/b' leads to nothing in the schema ('properties', 'a', '$ref')
    """
    walk = _Walk(is_foreign=is_foreign)
    walk.through(schema)
    _Circles(walk.inner).require_none(schema)


class _Place(NamedTuple):
    """A schema within the whole, its scope, and the keyword that it is under."""

    schema: Any
    path: Pointer
    scope: SchemaScope | None
    keyword: str = ""
    reference: str = ""


def _at_its_own_path(place: _Place) -> _Place:
    """Return a schema that was referred to, at its path instead of that of the reference."""
    pointer = place.reference.removeprefix("#/") if place.reference.startswith("#/") else ""
    return place._replace(path=tuple(pointer.split("/")) if pointer else ())


class _Walk:
    """One visit to each schema within a whole; `inner` has those for the same value, by id."""

    def __init__(self, *, is_foreign: bool) -> None:
        self._is_foreign = is_foreign
        self._whole: Any = None
        self._shaped: set[int] = set()
        self.inner: dict[int, list[_Place]] = {}

    def through(self, whole: Any) -> None:
        """Look at each schema; raise BadSchema at the first that is wrong."""
        self._whole = whole
        self._require_shapes(_Place(whole, (), None))
        left, referred = [_Place(whole, (), None)], list[_Place]()
        while left or referred:
            # First those within each other, whose paths are true; then what else is referred to.
            place = left.pop() if left else _at_its_own_path(referred.pop())
            if id(place.schema) not in self.inner:
                found = list(self._within(place))
                self.inner[id(place.schema)] = [each for each in found if each.keyword in IN_PLACE]
                left += [each for each in reversed(found) if each.keyword not in REFERENCES]
                referred += [each for each in found if each.keyword in REFERENCES]

    def _require_shapes(self, whole: _Place) -> None:
        """Look at the keywords of a schema and of those in it, before references are followed."""
        left = [whole]
        while left:
            schema, path = left.pop()[:2]
            if id(schema) in self._shaped or not self._is_keyed(schema, path):
                continue
            self._shaped.add(id(schema))
            for name, given in schema.items():
                self._require_shape(name, given, path)
                for step, inner in _schemas_under(name, given):
                    left.append(_Place(inner, (*path, name, *step), None))

    def _is_keyed(self, schema: Any, path: Pointer) -> bool:
        """Return whether a schema has keywords; raise BadSchema if it is none."""
        if not (isinstance(schema, (dict, bool)) or self._is_foreign):
            raise BadSchema(f"it is not a JSON Schema: {shown(schema)} is no schema", path=path)
        return isinstance(schema, dict)

    def _within(self, place: _Place) -> Iterator[_Place]:
        schema, path, scope = place.schema, place.path, place.scope
        if not self._is_keyed(schema, path):
            return
        self._require_shapes(place)
        if "$id" in schema and schema is not self._whole and place.keyword not in REFERENCES:
            scope = (scope or scope_of(self._whole)).within(schema)
        for name, given in schema.items():
            for step, inner in _schemas_under(name, given):
                yield _Place(inner, (*path, name, *step), scope, name)
            if name in REFERENCES:
                yield self._target(name, given, (*path, name), scope)

    def _require_shape(self, name: str, given: Any, path: Pointer) -> None:
        at = (*path, name)
        if not self._is_foreign and not _is_shaped(name, given):
            what = SHAPES[name][1] if name in SHAPES else _NEEDS[name in SCHEMA_LISTS]
            raise BadSchema(f"it is not a JSON Schema: {name!r} must be {what}", path=at)
        patterns: Any = ()
        if name == "pattern":
            patterns = (given,)
        elif name == "patternProperties" and isinstance(given, dict):
            patterns = given
        for pattern in patterns:
            try:
                compile_pattern(pattern)
            except BadSchema as problem:
                raise _placed(problem, at) from None

    def _target(self, name: str, given: Any, at: Pointer, scope: SchemaScope | None) -> _Place:
        try:
            schema, inner = (scope or scope_of(self._whole)).lookup(given)
        except BadSchema as problem:
            raise _placed(problem, at) from None
        if not isinstance(schema, (dict, bool)):
            sentence = f"the reference {shown(given)} leads to {shown(schema)}, which is no schema"
            raise BadSchema(sentence, code="unresolved-reference", path=at)
        return _Place(schema, at, inner, name, str(given))


_NEEDS = ("an object with a schema for each name", "a list of schemas, with at least one")


def _is_shaped(name: str, given: Any) -> bool:
    if name in SHAPES:
        return SHAPES[name][0](given)
    if name in SCHEMA_LISTS:
        return isinstance(given, list) and bool(given)
    return name not in SCHEMA_MAPS or isinstance(given, dict)


def _schemas_under(name: str, given: Any) -> Iterator[tuple[Pointer, Any]]:
    if name in ONE_SCHEMA:
        yield (), given
    elif name in SCHEMA_LISTS and isinstance(given, list):
        for number, inner in enumerate(given):
            yield (number,), inner
    elif name in SCHEMA_MAPS and isinstance(given, dict):
        for key, inner in given.items():
            yield (key,), inner


def _placed(problem: BadSchema, at: Pointer) -> BadSchema:
    return BadSchema(str(problem), code=problem.code, path=at, hint=problem.hint)


class _Circles:
    """Follows the schemas that one value is held against, and counts them.

    An example: in `{"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#"}]}}}`, the whole
    leads to `a`, and `a` to the whole, without a step into the value: there is no end.
    """

    def __init__(self, inner: dict[int, list[_Place]]) -> None:
        self._inner = inner
        # How often a value is held against schemas once it is held against this one.
        self._counts: dict[int, int] = {}
        self._path: set[int] = set()

    def require_none(self, whole: Any) -> None:
        """Raise BadSchema if a schema leads back to itself, or to too many others."""
        places = [_Place(whole, (), None)]
        places += [place for found in self._inner.values() for place in found]
        for place in places:
            if id(place.schema) not in self._counts:
                self._follow(place)

    def _follow(self, start: _Place) -> None:
        left: list[tuple[_Place, Iterator[_Place]]] = [self._enter(start)]
        while left:
            place, inner = left[-1]
            following = next(inner, None)
            if following is None:
                left.pop()
                self._leave(place)
            elif id(following.schema) in self._path:
                what = "the schema refers to itself without a step into the value, and never ends"
                raise BadSchema(what, code="endless-schema", path=following.path, hint=_STEP)
            elif id(following.schema) not in self._counts:
                left.append(self._enter(following))

    def _enter(self, place: _Place) -> tuple[_Place, Iterator[_Place]]:
        self._path.add(id(place.schema))
        return place, iter(self._inner.get(id(place.schema), ()))

    def _leave(self, place: _Place) -> None:
        key = id(place.schema)
        self._path.discard(key)
        followed = [each for each in self._inner.get(key, ()) if each.keyword in ALWAYS_IN_PLACE]
        self._counts[key] = 1 + sum(self._counts[id(each.schema)] for each in followed)
        if self._counts[key] > MOST_IN_PLACE:
            raise BadSchema(
                f"every value would be held against schemas more than {MOST_IN_PLACE:,} times",
                code="costly-schema",
                path=place.path,
                hint="Several `$ref` to the same schema within each other multiply; one is enough.",
            )
