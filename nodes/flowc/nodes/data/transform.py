"""The node type `transform`: changes data by rules and expressions."""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from flowc.compiler.expressions import evaluated, has_expressions
from flowc.compiler.node import (
    Context,
    Incoming,
    ItemCondition,
    ItemExpression,
    Node,
    NodeError,
)
from flowc.compiler.reading.plain_json import MAX_DEPTH

RuleOperation = Literal[
    "uppercase", "lowercase", "title", "trim", "rename", "set", "remove", "select", "convert",
    "filter", "map",
]  # fmt: skip
_TARGETS = ("string", "number", "integer", "boolean", "json")

# The fields that each operation requires.
_NEEDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "rename": ("field", "to"),
        "set": ("field", "value"),
        "remove": ("fields",),
        "select": ("fields",),
        "convert": ("to",),
        "filter": ("where",),
        "map": ("expression",),
    }
)


class Rule(BaseModel):
    """One change: `{type: rename, field: a, to: b}`; or `{type: transform, operation: rename, …}`.

    `field` is a path such as `customer.name`; without it, the rule applies to the whole value.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: RuleOperation | Literal["transform"] = Field(description="What to do.")
    operation: RuleOperation | None = Field(
        default=None, description="What to do, if the type is `transform`."
    )
    field: str | None = Field(
        default=None,
        validation_alias=AliasChoices("field", "from"),
        description="Path of the field to change; without it, the whole value.",
    )
    fields: list[str] | None = Field(default=None, description="Paths of several fields.")
    to: str | None = Field(
        default=None, description="The new name (`rename`), or the type to `convert` to."
    )
    value: Any = Field(default=None, description="The value to `set`; any JSON.")
    where: ItemCondition | None = Field(
        default=None,
        validation_alias=AliasChoices("where", "condition"),
        description="Which items `filter` keeps; reads `item`, `index`, `data`.",
    )
    expression: ItemExpression | None = Field(
        default=None, description="What `map` makes of each item; reads `item`, `index`, `data`."
    )

    @property
    def does(self) -> str:
        """The operation."""
        return self.operation or self.type

    @property
    def names(self) -> list[str]:
        """The paths of the fields to change."""
        return self.fields if self.fields is not None else [self.field] if self.field else []

    @model_validator(mode="after")
    def _complete(self) -> "Rule":
        if self.does == "transform":
            raise ValueError("a rule of type `transform` needs an `operation`")
        for need in _NEEDS.get(self.does, ()):
            given = bool(self.names) if need == "fields" else need in self.model_fields_set
            if not given:
                raise ValueError(f"the rule {self.does!r} needs {need!r}")
        is_known = self.to in _TARGETS or has_expressions(str(self.to))
        if self.does == "convert" and not is_known:
            raise ValueError(f"`to` must be one of {', '.join(_TARGETS)}")
        return self


class Transform(Node):
    """Change `data` by rules and expressions. The output is the changed data.

    `rules` apply one after the other. Then `expressions` add fields, and `expression` replaces the
    whole. `data` is by default the output of the node before this one.

    Rules: `uppercase`, `lowercase`, `title` and `trim` change text; `rename`, `set`, `remove`,
    `select` and `convert` change fields; `filter` and `map` work on the items of a list, for
    example `{type: filter, field: orders, where: item.total > 10}`. The node fails with
    `transform-failed`, naming the rule, if the data does not fit a rule.
    """

    type: ClassVar = "transform"
    also: ClassVar = ("process",)
    group: ClassVar = "data"
    is_pure: ClassVar = True
    formula_names: ClassVar = frozenset({"item", "index", "data"})

    data: Annotated[Any, Incoming(merges=True), Field(description="What to change; any JSON.")] = (
        None
    )
    rules: list[Rule] = Field(
        default_factory=list,
        description="Changes, in order: {type: rename, field: a, to: b}.",
    )
    expressions: dict[str, ItemExpression] = Field(
        default_factory=dict, description="Fields to compute, by name; they can read `data`."
    )
    expression: ItemExpression | None = Field(
        default=None, description="Computes the whole output; it can read `data`."
    )

    @classmethod
    def output_fields(cls, config: Mapping[str, Any], incoming: frozenset[str]) -> frozenset[str]:
        """Return the fields that the rules and expressions leave and add."""
        if config.get("expression") is not None:
            return frozenset()
        data, found = config.get("data"), incoming
        if data is not None:
            found = frozenset(data) if isinstance(data, dict) else frozenset()
        for rule in config.get("rules") or ():
            found = _fields_after(rule, found)
        return found.union(config.get("expressions") or ())

    async def run(self, context: Context) -> Any:
        """Return the changed data."""
        return await evaluated(self._changed)

    def _changed(self) -> Any:
        data = self.data
        for number, rule in enumerate(self.rules, 1):
            data = _applied(rule, data, number)
        if self.expressions:
            computed = {name: formula(data=data) for name, formula in self.expressions.items()}
            data = {**_object(data, "`expressions`"), **computed}
        return data if self.expression is None else self.expression(data=data)


def _fields_after(rule: Any, fields: frozenset[str]) -> frozenset[str]:
    """Return the names of the fields after a rule as it is written, right or wrong."""
    if not isinstance(rule, dict):
        return fields
    does, field = rule.get("operation") or rule.get("type"), rule.get("field", rule.get("from"))
    names = frozenset(map(str, rule.get("fields") or ([field] if field else [])))
    if does == "remove":
        return fields - names
    if does == "select":
        return frozenset(name.partition(".")[0] for name in names)
    if does == "rename":
        return (fields - names) | {str(rule.get("to")).partition(".")[0]}
    added = {str(field).partition(".")[0]} if does == "set" and field else frozenset[str]()
    return fields | added


def _applied(rule: Rule, data: Any, number: int) -> Any:
    try:
        for path in filter(None, (rule.field, rule.to, *rule.names)):
            if path.count(".") >= MAX_DEPTH:
                raise _DoesNotFit(f"the path {path[:40]!r}… has more than {MAX_DEPTH} parts")
        return _OPERATIONS[rule.does](rule, data)
    except _DoesNotFit as problem:
        message = f"Rule {number} ({rule.does}): {problem.message}"
        raise _DoesNotFit(message, ("rules", number - 1)) from None


class _DoesNotFit(NodeError):
    """The data does not fit a rule or the expressions."""

    def __init__(self, reason: str, field: tuple[str | int, ...] | None = None) -> None:
        super().__init__("transform-failed", f"{reason.rstrip('.')}.", field=field)


def _object(data: Any, what: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise _DoesNotFit(f"{what} needs an object, and this is {_kind(data)}")
    return data


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    return "null" if value is None else kinds.get(type(value), "a number")


def _at(data: Any, path: str | None, change: Callable[[Any], Any]) -> Any:
    """Return the data with the value at a path changed; the given data stays as it is.

    >>> _at({"user": {"name": "ada"}, "n": 1}, "user.name", str.upper)
    {'user': {'name': 'ADA'}, 'n': 1}
    """
    if not path:
        return change(data)
    head, _, rest = path.partition(".")
    holder = _object(data, f"the field {head!r}")
    if head not in holder:
        raise _DoesNotFit(f"there is no field {head!r}")
    return {**holder, head: _at(holder[head], rest, change)}


def _without(data: Any, path: str) -> Any:
    head, _, rest = path.partition(".")
    if not isinstance(data, dict) or head not in data:
        return data
    if rest:
        return {**data, head: _without(data[head], rest)}
    return {key: value for key, value in data.items() if key != head}


def _with(data: Any, path: str, value: Any) -> Any:
    head, _, rest = path.partition(".")
    holder = _object({} if data is None else data, f"the field {head!r}")
    return {**holder, head: _with(holder.get(head), rest, value) if rest else value}


def _value_at(data: Any, path: str) -> Any:
    for part in path.split("."):
        if not isinstance(data, dict) or part not in data:
            raise _DoesNotFit(f"there is no field {path!r}")
        data = data[part]
    return data


def _on_text(change: Callable[[str], str]) -> Callable[[Rule, Any], Any]:
    def changed(value: Any) -> Any:
        if isinstance(value, list):
            return [changed(item) for item in value]
        if not isinstance(value, str):
            raise _DoesNotFit(f"it needs text, and this is {_kind(value)}")
        return change(value)

    def apply(rule: Rule, data: Any) -> Any:
        if rule.names or isinstance(data, (str, list)):
            for name in rule.names or [""]:
                data = _at(data, name, changed)
            return data
        return {k: change(v) if isinstance(v, str) else v for k, v in _object(data, "it").items()}

    return apply


def _rename(rule: Rule, data: Any) -> Any:
    old, new = str(rule.field), str(rule.to)
    value = _value_at(data, old)
    return _with(_without(data, old), new, value)


def _set(rule: Rule, data: Any) -> Any:
    return _with(data, str(rule.field), rule.value)


def _remove(rule: Rule, data: Any) -> Any:
    for name in rule.names:
        data = _without(_object(data, "remove"), name)
    return data


def _select(rule: Rule, data: Any) -> Any:
    if isinstance(data, list):
        return [_select(rule, item) for item in data]
    source = _object(data, "select")
    selected: dict[str, Any] = {}
    for name in rule.names:
        selected = _with(selected, name, _value_at(source, name))
    return selected


def _convert(rule: Rule, data: Any) -> Any:
    if rule.to not in _CONVERSIONS:
        raise _DoesNotFit(f"`to` must be one of {', '.join(_TARGETS)}")
    for name in rule.names or [""]:
        data = _at(data, name, _CONVERSIONS[str(rule.to)])
    return data


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _DoesNotFit(f"it needs a list, and this is {_kind(value)}")
    return value


def _filter(rule: Rule, data: Any) -> Any:
    where = rule.where
    assert where is not None  # `_complete` requires it
    return _at(
        data,
        rule.field,
        lambda value: [x for i, x in enumerate(_list(value)) if where(item=x, index=i, data=data)],
    )


def _map(rule: Rule, data: Any) -> Any:
    expression = rule.expression
    assert expression is not None  # `_complete` requires it
    return _at(
        data,
        rule.field,
        lambda value: [expression(item=x, index=i, data=data) for i, x in enumerate(_list(value))],
    )


def _to_string(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _to_number(value: Any) -> int | float:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (int, float)):
        return value
    try:
        text = str(value).strip()
        # Longer ones become floats: Python refuses to read whole numbers of thousands of digits.
        return int(text) if text.lstrip("+-").isdigit() and len(text) < 80 else float(text)
    except ValueError:
        raise _DoesNotFit(f"{str(value)[:40]!r} is not a number") from None


def _to_integer(value: Any) -> int:
    try:
        return int(_to_number(value))
    except (OverflowError, ValueError):
        raise _DoesNotFit(f"{str(value)[:40]!r} is not a whole number") from None


def _to_boolean(value: Any) -> bool:
    if isinstance(value, (bool, int, float)):
        return bool(value)
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    word = str(value).strip().lower()
    if word not in words:
        raise _DoesNotFit(f"{str(value)[:40]!r} is neither true nor false")
    return words[word]


def _from_json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise _DoesNotFit("the text is not JSON") from None


_CONVERSIONS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "string": _to_string,
        "number": _to_number,
        "integer": _to_integer,
        "boolean": _to_boolean,
        "json": _from_json,
    }
)

_OPERATIONS: Mapping[str, Callable[[Rule, Any], Any]] = MappingProxyType(
    {
        "uppercase": _on_text(str.upper),
        "lowercase": _on_text(str.lower),
        "title": _on_text(str.title),
        "trim": _on_text(str.strip),
        "rename": _rename,
        "set": _set,
        "remove": _remove,
        "select": _select,
        "convert": _convert,
        "filter": _filter,
        "map": _map,
    }
)
