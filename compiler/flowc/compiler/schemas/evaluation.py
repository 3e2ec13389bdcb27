"""Holds a value against a schema, keyword by keyword, until its budget of steps is spent."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flowc.compiler.diagnostics import Pointer
from flowc.compiler.schemas.json_values import key_of, shown
from flowc.compiler.schemas.patterns import Pattern, compile_pattern
from flowc.compiler.schemas.refusals import BadSchema
from flowc.compiler.schemas.scope import SchemaScope, scope_of
from flowc.compiler.schemas.steps import StepBudget


class Misfit(NamedTuple):
    """Why a value does not fit, and the path of the culprit in it."""

    path: Pointer
    sentence: str


@dataclass
class Evaluated:
    """What keywords have looked at: the names of fields, and items by their number.

    `unevaluatedProperties` and `unevaluatedItems` are about the others.
    """

    names: set[str] = field(default_factory=set)
    items: set[int] = field(default_factory=set)
    first_items: int = 0

    def adopt(self, other: "Evaluated") -> None:
        """Add what a schema has looked at that the value fits."""
        self.names |= other.names
        self.items |= other.items
        self.first_items = max(self.first_items, other.first_items)


class Site:
    """A schema that a value is held against: what a keyword works with."""

    __slots__ = ("evaluated", "run", "schema", "scope")

    def __init__(
        self,
        run: "SchemaEvaluation",
        schema: Mapping[str, Any],
        scope: SchemaScope | None,
        evaluated: Evaluated | None,
    ) -> None:
        self.run, self.schema, self.scope, self.evaluated = run, schema, scope, evaluated

    def inside(self, step: str | int, value: Any, schema: Any) -> Iterator[Misfit]:
        """Yield why a field or an item of the value does not fit a schema."""
        for misfit in self.run.misfits(value, schema, self.scope):
            yield Misfit((step, *misfit.path), misfit.sentence)

    def misfits(
        self, value: Any, schema: Any, scope: SchemaScope | None = None
    ) -> Iterator[Misfit]:
        """Yield why the value itself does not fit another schema, too, which may have a scope."""
        evaluated = Evaluated() if self.evaluated is not None else None
        is_entered = scope is not None
        yield from self.run.misfits(
            value, schema, scope or self.scope, evaluated, is_entered=is_entered
        )
        # If the value does not fit, the one that tried it stops before this.
        if self.evaluated is not None and evaluated is not None:
            self.evaluated.adopt(evaluated)

    def fits(self, value: Any, schema: Any) -> bool:
        """Return whether the value itself fits another schema, too."""
        return next(self.misfits(value, schema), None) is None

    def pattern(self, source: Any) -> Pattern:
        """Return a pattern, compiled."""
        return self.run.pattern(source)


Keyword = Callable[[Site, Any, Any], Iterable[Misfit]]


class SchemaEvaluation:
    """One value held against one schema, within one budget."""

    def __init__(
        self,
        whole: Any,
        budget: StepBudget,
        keywords: Mapping[str, Keyword],
        last: Mapping[str, Keyword],
    ) -> None:
        self._whole, self.budget = whole, budget
        self._keywords, self._last = keywords, last
        self._patterns: dict[str, Pattern] = {}
        self._keys: dict[int, frozenset[str]] = {}

    def misfits(
        self,
        value: Any,
        schema: Any,
        scope: SchemaScope | None = None,
        evaluated: Evaluated | None = None,
        *,
        is_entered: bool = False,
    ) -> Iterator[Misfit]:
        """Yield why a value does not fit a schema; raise TooCostly or BadSchema.

        `evaluated` collects what the keywords look at. Without a `scope`, it is the whole schema's;
        if `is_entered`, it is the schema's own, and else that of the one around it.
        """
        self.budget.spend()
        if not isinstance(schema, dict):
            yield from self._of_boolean(value, schema)
            return
        self.budget.spend(len(schema))
        if "$id" in schema and not is_entered and schema is not self._whole:
            self.budget.spend(10)
            scope = (scope or self.scope).within(schema)
        last = {name: schema[name] for name in self._last if name in schema}
        if last and evaluated is None:
            evaluated = Evaluated()
        site = Site(self, schema, scope, evaluated)
        for keywords, given in ((self._keywords, schema), (self._last, last)):
            for name, wanted in given.items():
                if name in keywords:
                    for misfit in keywords[name](site, wanted, value):
                        # To show a value takes longer than to look at it.
                        self.budget.spend(len(misfit.sentence) // 20)
                        yield misfit

    def _of_boolean(self, value: Any, schema: Any) -> Iterator[Misfit]:
        if not isinstance(schema, bool):
            raise BadSchema(f"{shown(schema)} is not a schema")
        if schema is False:
            misfit = Misfit((), f"False schema does not allow {shown(value)}")
            self.budget.spend(len(misfit.sentence) // 20)
            yield misfit

    @property
    def scope(self) -> SchemaScope:
        """The scope of the whole schema."""
        return scope_of(self._whole, self.budget)

    def pattern(self, source: Any) -> Pattern:
        """Return a pattern, compiled."""
        found = self._patterns.get(source)
        if found is None:
            found = self._patterns[source] = compile_pattern(source)
            self.budget.spend(100 + found.size // 10)
        return found

    def keys(self, values: list[Any]) -> frozenset[str]:
        """Return the keys of the values that a schema lists, made once."""
        found = self._keys.get(id(values))
        if found is None:
            found = frozenset([key_of(value, self.budget) for value in values])
            self._keys[id(values)] = found
        return found
