"""Where the references of a schema are resolved: in the schema itself, and never elsewhere."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flowc.compiler.schemas.refusals import BadSchema
from flowc.compiler.schemas.steps import StepBudget

if TYPE_CHECKING:
    from referencing._core import Resolver

_HINT = (
    "Nothing is fetched: put the schema under `$defs`, and refer to it as `#/$defs/…`, with its"
    " name at the end."
)


class SchemaScope:
    """The place of a schema within others, from which its references are resolved."""

    __slots__ = ("_resolver",)

    def __init__(self, resolver: "Resolver[Any]") -> None:
        self._resolver = resolver

    def within(self, schema: dict[str, Any]) -> "SchemaScope":
        """Return the scope of a schema that has an `$id`, and so may be a document of its own."""
        return SchemaScope(self._resolver.in_subresource(_resource(schema)))

    def lookup(self, reference: Any) -> "tuple[Any, SchemaScope]":
        """Return what a reference leads to, and its scope; raise BadSchema if that is nothing."""
        # Imported here: few definitions have references.
        from referencing.exceptions import Unresolvable  # noqa: PLC0415

        try:
            found = self._resolver.lookup(reference)
        # `referencing` breaks on what is no URI or no pointer in several ways.
        except (Unresolvable, ValueError, TypeError, AttributeError, KeyError, IndexError):
            short = str(reference)[:80]
            sentence = f"the reference {short!r} leads to nothing in the schema"
            raise BadSchema(sentence, code="unresolved-reference", hint=_HINT) from None
        return found.contents, SchemaScope(found.resolver)


class SameObject:
    """A value as the key of a cache that is asked for the very same object, and compares nothing.

    As long as the cache keeps it, no other object can have its identity.
    """

    __slots__ = ("it",)

    def __init__(self, it: Any) -> None:
        self.it = it

    def __hash__(self) -> int:
        return id(self.it)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SameObject) and other.it is self.it


class _Kept:
    """The scope of a schema, once it is made."""

    def __init__(self) -> None:
        self.scope: SchemaScope | None = None


def scope_of(schema: dict[str, Any], budget: StepBudget | None = None) -> SchemaScope:
    """Return the scope of a whole schema; the first time, that costs steps for all that is in it.

    Raises TooCostly, or BadSchema for a schema that was not looked at before.
    """
    kept = _kept(SameObject(schema))
    if kept.scope is None:
        if budget is not None:
            _spend_for_all(schema, budget)
        kept.scope = _made(schema)
    return kept.scope


@lru_cache(64)
def _kept(whole: SameObject) -> _Kept:
    return _Kept()


def _spend_for_all(schema: dict[str, Any], budget: StepBudget) -> None:
    level: list[Any] = [schema]
    while level:
        budget.spend(5 * len(level))
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [item for items in inner for item in items if isinstance(item, (dict, list))]


def _made(schema: dict[str, Any]) -> SchemaScope:
    # JSON Schema's own schemas come with the library, and may be referred to.
    from jsonschema_specifications import REGISTRY  # noqa: PLC0415 - see above

    resource = _resource(schema)
    base = resource.id() or ""
    # All anchors are found now, once: otherwise, each reference would look for them again.
    try:
        registry = REGISTRY.with_resource(base, resource).crawl()
    except (TypeError, AttributeError, ValueError, KeyError) as problem:
        raise BadSchema(f"it is not a JSON Schema ({type(problem).__name__})") from None
    return SchemaScope(registry.resolver(base))


def _resource(schema: dict[str, Any]) -> Any:
    from referencing.jsonschema import DRAFT202012  # noqa: PLC0415 - see above

    return DRAFT202012.create_resource(schema)
