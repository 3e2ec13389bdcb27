"""Reads filters such as `{"lang": "de", "page": {"$gte": 3}}`, and writes them as SQL."""

from collections.abc import Callable
from typing import Any, NamedTuple

COMPARISONS = {"$eq": "=", "$ne": "<>", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
LISTS = {"$in": "IN", "$nin": "NOT IN"}
GROUPS = {"$and": "AND", "$or": "OR"}
# Also true of a passage without the field.
NEGATIVE = frozenset({"$ne", "$nin"})
# Fields that every passage has, with their types; all others are metadata.
OWN = {"source": "string", "page": "number"}
MAX_CONDITIONS = 50
MAX_VALUES = 1_000

Value = str | int | float | bool


class FilterRefused(ValueError):
    """The filter is not valid; the message says why."""


class FilterCondition(NamedTuple):
    """A field compared with a value, or with a list of values."""

    field: str
    operator: str
    value: Any


class Group(NamedTuple):
    """Filters that must all be true (`$and`), or at least one of them (`$or`)."""

    operator: str
    parts: tuple["Filter", ...]


Filter = FilterCondition | Group


def read_filter(where: Any) -> Filter | None:
    """Return a filter from JSON; raise FilterRefused.

    >>> read_filter({"page": {"$gte": 3}})
    FilterCondition(field='page', operator='$gte', value=3)
    >>> read_filter({"lang": "de", "$or": [{"year": 2024}, {"year": 2025}]}).operator
    '$and'
    """
    if where is None or where == {}:
        return None
    found = _read(where, 0)
    if _size(found) > MAX_CONDITIONS:
        raise FilterRefused(f"The filter has more than {MAX_CONDITIONS} conditions.")
    return found


def _read(where: Any, depth: int) -> Filter:
    if not isinstance(where, dict) or not where or depth > 10:
        raise FilterRefused("A filter maps fields to values, such as {'lang': 'de'}.")
    parts: list[Filter] = []
    for field, wanted in where.items():
        if field in GROUPS:
            if not isinstance(wanted, list) or not wanted:
                raise FilterRefused(f"{field} takes a list of filters.")
            parts.append(Group(field, tuple(_read(each, depth + 1) for each in wanted)))
        elif not isinstance(field, str) or field.startswith("$") or not field:
            raise FilterRefused(f"There is no group {str(field)!r}; groups are $and and $or.")
        else:
            parts += _conditions(field, wanted)
    return parts[0] if len(parts) == 1 else Group("$and", tuple(parts))


def _conditions(field: str, wanted: Any) -> list[Filter]:
    if not isinstance(wanted, dict):
        wanted = {"$eq": wanted}
    if not wanted:
        raise FilterRefused(f"The field {field!r} has no condition.")
    return [_condition(field, operator, value) for operator, value in wanted.items()]


def _condition(field: str, operator: str, value: Any) -> FilterCondition:
    if operator in LISTS:
        if not isinstance(value, list) or not 0 < len(value) <= MAX_VALUES:
            raise FilterRefused(f"{operator} takes a list of 1 to {MAX_VALUES} values.")
        values = value
    elif operator in COMPARISONS:
        values = [value]
    else:
        known = ", ".join([*COMPARISONS, *LISTS])
        raise FilterRefused(f"There is no operator {operator!r}; operators are {known}.")
    if not all(isinstance(each, str | int | float) for each in values):
        raise FilterRefused(f"The field {field!r} takes texts, numbers and booleans.")
    if len({type_of(each) for each in values}) > 1:
        raise FilterRefused(f"The values for the field {field!r} must have one type.")
    if field in OWN and type_of(values[0]) != OWN[field]:
        raise FilterRefused(f"The field {field!r} is a {OWN[field]}.")
    is_ordered = operator in ("$gt", "$gte", "$lt", "$lte")
    if is_ordered and (isinstance(value, str | bool)):
        raise FilterRefused(f"{operator} compares numbers.")
    return FilterCondition(field, operator, value)


def type_of(value: Value) -> str:
    """Return the type of a value, as JSON Schema names it.

    >>> type_of(True), type_of(1), type_of(2.5), type_of("x")
    ('boolean', 'number', 'number', 'string')
    """
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"


def _size(found: Filter) -> int:
    return 1 if isinstance(found, FilterCondition) else sum(_size(part) for part in found.parts)


def as_sql(
    found: Filter, compare: Callable[[FilterCondition, dict[str, Any]], str], values: dict[str, Any]
) -> str:
    """Return a filter as SQL; `compare` writes a condition, and puts its values into `values`."""
    if isinstance(found, FilterCondition):
        return compare(found, values)
    word = f" {GROUPS[found.operator]} "
    return "(" + word.join(as_sql(part, compare, values) for part in found.parts) + ")"


def named(values: dict[str, Any], value: Any) -> str:
    """Put a value into `values`; return the parameter that SQL names it by.

    >>> values = {"limit": 5}
    >>> named(values, "de"), values
    (':f1', {'limit': 5, 'f1': 'de'})
    """
    name = f"f{len(values)}"
    values[name] = value
    return f":{name}"
