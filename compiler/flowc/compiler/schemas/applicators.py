"""The keywords that hold a value, its fields or its items against further schemas."""

from collections.abc import Iterator, Mapping, Sequence
from heapq import nsmallest
from typing import Any

from flowc.compiler.schemas.evaluation import Keyword, Misfit, Site
from flowc.compiler.schemas.json_values import shown

_MOST_NAMED = 10


def _all_of(site: Site, schemas: Any, value: Any) -> Iterator[Misfit]:
    for schema in schemas:
        yield from site.misfits(value, schema)


def _any_of(site: Site, schemas: Any, value: Any) -> Iterator[Misfit]:
    fitting = (schema for schema in schemas if site.fits(value, schema))
    # If someone wants to know what was looked at, that is all that fits.
    found = list(fitting) if site.evaluated is not None else [*_first(fitting)]
    if not found:
        yield Misfit((), f"{shown(value)} is not valid under any of the given schemas")


def _first(items: Iterator[Any]) -> Iterator[Any]:
    for item in items:
        yield item
        return


def _one_of(site: Site, schemas: Any, value: Any) -> Iterator[Misfit]:
    found = 0
    for schema in schemas:
        found += site.fits(value, schema)
        if found > 1:
            yield Misfit((), f"{shown(value)} is valid under more than one of the given schemas")
            return
    if not found:
        yield Misfit((), f"{shown(value)} is not valid under any of the given schemas")


def _not(site: Site, schema: Any, value: Any) -> Iterator[Misfit]:
    if next(site.run.misfits(value, schema, site.scope), None) is None:
        yield Misfit((), f"{shown(value)} should not be valid under {shown(schema)}")


def _if(site: Site, schema: Any, value: Any) -> Iterator[Misfit]:
    branch = "then" if site.fits(value, schema) else "else"
    if branch in site.schema:
        yield from site.misfits(value, site.schema[branch])


def _reference(site: Site, reference: Any, value: Any) -> Iterator[Misfit]:
    # What the way through a pointer costs.
    site.run.budget.spend(10)
    schema, scope = (site.scope or site.run.scope).lookup(reference)
    yield from site.misfits(value, schema, scope)


def _properties(site: Site, schemas: Any, value: Any) -> Iterator[Misfit]:
    if not isinstance(value, dict):
        return
    few, many = (schemas, value) if len(schemas) <= len(value) else (value, schemas)
    site.run.budget.spend(len(few))
    for name in few:
        if name in many:
            _note(site, name)
            yield from site.inside(name, value[name], schemas[name])


def _pattern_properties(site: Site, schemas: Any, value: Any) -> Iterator[Misfit]:
    for source, schema in schemas.items() if isinstance(value, dict) else ():
        pattern = site.pattern(source)
        for name, item in value.items():
            if pattern.occurs_in(name, site.run.budget):
                _note(site, name)
                yield from site.inside(name, item, schema)


def _additional_properties(site: Site, schema: Any, value: Any) -> Iterator[Misfit]:
    if not isinstance(value, dict) or (schema is True and site.evaluated is None):
        return
    known = site.schema.get("properties", {})
    sources = site.schema.get("patternProperties", ())
    budget = site.run.budget
    budget.spend(len(value) + len(sources))
    patterns = [site.pattern(source) for source in sources]
    others = [name for name in value if name not in known]
    others = [name for name in others if not any(p.occurs_in(name, budget) for p in patterns)]
    if schema is False and others:
        yield Misfit((), _not_allowed("Additional properties", others))
        return
    for name in others:
        _note(site, name)
        yield from site.inside(name, value[name], schema)


def _not_allowed(what: str, names: Sequence[Any]) -> str:
    first = nsmallest(_MOST_NAMED, names, key=str)
    listed = ", ".join(map(shown, first)) + (", …" if len(names) > len(first) else "")
    verb = "was" if len(names) == 1 else "were"
    return f"{what} are not allowed ({listed} {verb} unexpected)"


def _property_names(site: Site, schema: Any, value: Any) -> Iterator[Misfit]:
    for name in value if isinstance(value, dict) else ():
        yield from site.run.misfits(name, schema, site.scope)


def _dependent_schemas(site: Site, schemas: Any, value: Any) -> Iterator[Misfit]:
    if not isinstance(value, dict):
        return
    site.run.budget.spend(len(schemas))
    for name, schema in schemas.items():
        if name in value:
            yield from site.misfits(value, schema)


def _prefix_items(site: Site, schemas: Any, value: Any) -> Iterator[Misfit]:
    if not isinstance(value, list):
        return
    if site.evaluated is not None:
        site.evaluated.first_items = max(site.evaluated.first_items, len(schemas))
    for number, (item, schema) in enumerate(zip(value, schemas, strict=False)):
        yield from site.inside(number, item, schema)


def _items(site: Site, schema: Any, value: Any) -> Iterator[Misfit]:
    if not isinstance(value, list):
        return
    start = len(site.schema.get("prefixItems", ()))
    if site.evaluated is not None:
        site.evaluated.first_items = len(value)
    if schema is False and len(value) > start:
        sentence = f"Expected at most {start} items but found {len(value) - start} more"
        yield Misfit((), sentence)
    elif isinstance(schema, dict):
        for number in range(start, len(value)):
            yield from site.inside(number, value[number], schema)


def _contains(site: Site, schema: Any, value: Any) -> Iterator[Misfit]:
    if not isinstance(value, list):
        return
    least, most = site.schema.get("minContains", 1), site.schema.get("maxContains")
    found = 0
    for number, item in enumerate(value):
        if next(site.run.misfits(item, schema, site.scope), None) is not None:
            continue
        found += 1
        if site.evaluated is not None:
            site.evaluated.items.add(number)
        if most is not None and found > most:
            yield Misfit((), f"Too many items match the given schema (expected at most {most})")
            return
    if found < least and found == 0:
        yield Misfit((), f"{shown(value)} does not contain items matching the given schema")
    elif found < least:
        few = f"(expected at least {least} but only {found} matched)"
        yield Misfit((), f"Too few items match the given schema {few}")


def _unevaluated_properties(site: Site, schema: Any, value: Any) -> Iterator[Misfit]:
    if not isinstance(value, dict) or site.evaluated is None:
        return
    site.run.budget.spend(len(value))
    others = [name for name in value if name not in site.evaluated.names]
    site.evaluated.names.update(others)
    if schema is False and others:
        yield Misfit((), _not_allowed("Unevaluated properties", others))
        return
    for name in others:
        yield from site.inside(name, value[name], schema)


def _unevaluated_items(site: Site, schema: Any, value: Any) -> Iterator[Misfit]:
    if not isinstance(value, list) or site.evaluated is None:
        return
    seen = site.evaluated
    site.run.budget.spend(len(value))
    others = [n for n in range(seen.first_items, len(value)) if n not in seen.items]
    seen.first_items = len(value)
    if schema is False and others:
        yield Misfit((), _not_allowed("Unevaluated items", [value[n] for n in others[:100]]))
        return
    for number in others:
        yield from site.inside(number, value[number], schema)


def _note(site: Site, name: str) -> None:
    if site.evaluated is not None:
        site.evaluated.names.add(name)


APPLICATORS: Mapping[str, Keyword] = {
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
    "if": _if,
    "$ref": _reference,
    "$dynamicRef": _reference,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "propertyNames": _property_names,
    "dependentSchemas": _dependent_schemas,
    "prefixItems": _prefix_items,
    "items": _items,
    "contains": _contains,
}
# These are about what the others have not looked at.
LAST: Mapping[str, Keyword] = {
    "unevaluatedProperties": _unevaluated_properties,
    "unevaluatedItems": _unevaluated_items,
}
