"""Gives each object and union in the description of the API a name, as client generators need it.

A generator makes a class of each; without a name, it invents one, such as `Response1AnyOf`.
"""

import re
from typing import Any

_REF = "#/components/schemas/"
_ALTERNATIVES = ("anyOf", "oneOf")


def with_named_schemas(description: dict[str, Any]) -> dict[str, Any]:
    """Return a description in which unions and objects with properties are components."""
    schemas = description["components"]["schemas"]
    naming = _Naming(schemas)
    for name, schema in list(schemas.items()):
        naming.name_inside(schema, name)
    for methods in description["paths"].values():
        for operation in methods.values():
            _name_contents(naming, operation)
    return description


def _name_contents(naming: "_Naming", operation: dict[str, Any]) -> None:
    # At a second address, the operation has the names of the first one.
    own = _pascal(operation["operationId"].partition("_at_")[0])
    contents = operation.get("requestBody", {}).get("content", {})
    for content in contents.values():
        content["schema"] = naming.named(content.get("schema", {}), f"{own}Body")
    for status, response in operation["responses"].items():
        is_good = str(status).startswith("2")
        name = f"{own}Answer" if is_good else f"{own}Answer{status}"
        for kind, content in response.get("content", {}).items():
            event = "Event" if kind == "text/event-stream" else ""
            content["schema"] = naming.named(content.get("schema", {}), f"{name}{event}")


class _Naming:
    def __init__(self, schemas: dict[str, Any]) -> None:
        self._schemas = schemas

    def named(self, schema: dict[str, Any], name: str) -> dict[str, Any]:
        """Return a schema, or a reference to it if it needs a name."""
        self.name_inside(schema, name)
        if not _needs_name(schema):
            return schema
        name = self._free(_own_title(schema) or name, schema)
        said = {"description": _sentence(schema), **schema}
        self._schemas[name] = {**said, "title": name}
        return {"$ref": f"{_REF}{name}"}

    def name_inside(self, schema: dict[str, Any], name: str) -> None:
        """Name what is inside a schema, after its place in it."""
        for field, inner in schema.get("properties", {}).items():
            schema["properties"][field] = self.named(inner, f"{name}{_pascal(field)}")
        for key in _ALTERNATIVES:
            for number, inner in enumerate(schema.get(key, ())):
                schema[key][number] = self.named(inner, f"{name}Option{number + 1}")
        for key in ("items", "additionalProperties"):
            if isinstance(schema.get(key), dict):
                schema[key] = self.named(schema[key], f"{name}Item")

    def _free(self, name: str, schema: dict[str, Any]) -> str:
        """Return a name that no other schema has."""
        said = {"description": _sentence(schema), **schema}
        while self._schemas.get(name) not in (None, {**said, "title": name}):
            name += "2"
        return name


def _needs_name(schema: dict[str, Any]) -> bool:
    """Return whether generators make a class of a schema."""
    if "properties" in schema:
        return True
    for key in _ALTERNATIVES:
        others = [each for each in schema.get(key, ()) if each.get("type") != "null"]
        if len(others) > 1:
            return True
    return False


def _sentence(schema: dict[str, Any]) -> str:
    """Return what a union is, for people; objects have a sentence of their own."""
    kinds = [each for key in _ALTERNATIVES for each in schema.get(key, ())]
    names = [each.get("$ref", each.get("type", "")).rpartition("/")[2] for each in kinds]
    return f"One of these: {', '.join(names)}."


def _own_title(schema: dict[str, Any]) -> str | None:
    """Return the title of an object that its author gave it; those of fields repeat their names."""
    title = schema.get("title")
    is_own = isinstance(title, str) and "properties" in schema and re.fullmatch(r"\w+", title)
    return title if is_own else None


def _pascal(name: str) -> str:
    """Return a name as that of a class.

    >>> _pascal("execute_workflow")
    'ExecuteWorkflow'
    """
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"\W|_", name))
