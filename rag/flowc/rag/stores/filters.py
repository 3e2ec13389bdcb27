"""Which passages may be found? Written as `{"lang": "de", "page": {"$gte": 3}}`."""

from collections.abc import Callable
from typing import Any, NamedTuple

COMPARISONS = {"$eq": "=", "$ne": "<>", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
LISTS = {"$in": "IN", "$nin": "NOT IN"}
GROUPS = {"$and": "AND", "$or": "OR"}
# What a passage without the field fits, too.
NEGATIVE = frozenset({"$ne", "$nin"})
# What every passage has; any other field is one of the metadata.
OWN = {"source": "string", "page": "number"}
MAX_CONDITIONS = 50
MAX_VALUES = 1_000

Value = str | int | float | bool


class FilterRefused(ValueError):
    """Whoever writes a filter that cannot be understood meets this."""


class FilterCondition(NamedTuple):
    """A field, compared with a value, or with several."""

    field: str
    operator: str
    value: Any


class Group(NamedTuple):
    """Filters that all have to fit (`$and`), or one of them (`$or`)."""

    operator: str
    parts: tuple["Filter", ...]


Filter = FilterCondition | Group


def read_filter(where: Any) -> Filter | None:
    """Return a filter as it was written; raise FilterRefused."""
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
            raise FilterRefused(f"There is no {str(field)!r}; groups are $and and $or.")
        else:
            parts += _conditions(field, wanted)
    return parts[0] if len(parts) == 1 else Group("$and", tuple(parts))


def _conditions(field: str, wanted: Any) -> list[Filter]:
    if not isinstance(wanted, dict):
        wanted = {"$eq": wanted}
    if not wanted:
        raise FilterRefused(f"Nothing is said of the field {field!r}.")
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
        raise FilterRefused(f"There is no {operator!r}; there are {known}.")
    if not all(isinstance(each, str | int | float) for each in values):
        raise FilterRefused(f"The field {field!r} is compared with texts, numbers and booleans.")
    if len({kind_of(each) for each in values}) > 1:
        raise FilterRefused(f"The field {field!r} is compared with values of one kind.")
    if field in OWN and kind_of(values[0]) != OWN[field]:
        raise FilterRefused(f"The field {field!r} is a {OWN[field]}.")
    is_ordered = operator in ("$gt", "$gte", "$lt", "$lte")
    if is_ordered and (isinstance(value, str | bool)):
        raise FilterRefused(f"{operator} compares numbers.")
    return FilterCondition(field, operator, value)


def kind_of(value: Value) -> str:
    """Return the kind of a value, as JSON Schema has it."""
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"


def _size(found: Filter) -> int:
    return 1 if isinstance(found, FilterCondition) else sum(_size(part) for part in found.parts)


def as_sql(
    found: Filter, compare: Callable[[FilterCondition, dict[str, Any]], str], values: dict[str, Any]
) -> str:
    """Return a filter as SQL, its values put into `values`; a condition is written by `compare`."""
    if isinstance(found, FilterCondition):
        return compare(found, values)
    word = f" {GROUPS[found.operator]} "
    return "(" + word.join(as_sql(part, compare, values) for part in found.parts) + ")"


def named(values: dict[str, Any], value: Any) -> str:
    """Put a value into `values`, and return how SQL names it."""
    name = f"f{len(values)}"
    values[name] = value
    return f":{name}"
