"""Filters on lists: order, choice, sums, groups, parts."""

import heapq
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

from flowc.compiler.expressions.arithmetic import add, contains
from flowc.compiler.expressions.errors import ExpressionError
from flowc.compiler.expressions.fields import GroupedItems, attribute_reader
from flowc.compiler.expressions.filters.word import NOT_GIVEN, Word
from flowc.compiler.expressions.frame import Frame
from flowc.compiler.expressions.keys import key_of
from flowc.compiler.expressions.values import (
    as_text,
    items_of,
    kind_of,
    limited,
    object_of,
    require_few,
    require_room,
    text,
    whole,
)

# Python sorts without letting other threads work: a longer list is sorted in parts.
_PART = 10_000
_ORDERED = frozenset({"number", "text", "boolean", "moment", "date", "duration"})


def _length(value: Any) -> int:
    if isinstance(value, (str, list, dict)):
        return len(value)
    raise ExpressionError(f"{kind_of(value)} has no length")


def _first(value: Any) -> Any:
    if isinstance(value, (list, str)):
        return value[0] if value else None
    return next(iter(items_of(value, "first")), None)


def _last(value: Any) -> Any:
    if isinstance(value, (list, str)):
        return value[-1] if value else None
    return next(reversed(items_of(value, "last")), None)


def _list(value: Any) -> list[Any]:
    if isinstance(value, str):
        require_few(len(value))
        return list(value)
    return items_of(value, "list")


def _join(value: Any, d: Any = "", attribute: Any = None) -> str:
    separator, items = text(d), _read(items_of(value, "join"), attribute)
    parts = [item if type(item) is str else as_text(item) for item in items]
    # Checked before the text exists, so that an expression cannot use up the memory.
    require_room(sum(map(len, parts)) + len(separator) * len(parts))
    return separator.join(parts)


def _reverse(value: Any) -> Any:
    return value[::-1] if isinstance(value, str) else items_of(value, "reverse")[::-1]


def _read(items: list[Any], attribute: Any) -> list[Any]:
    if attribute is None:
        return items
    read = attribute_reader(attribute)
    return [read(item) for item in items]


def _folded(value: Any, case_sensitive: Any) -> Any:
    return value.lower() if isinstance(value, str) and not case_sensitive else value


def sort_keys(values: Sequence[Any], case_sensitive: Any) -> list[Any]:
    """Return keys by which values are ordered; raise ExpressionError if they have no order."""
    if len(values) < 2:
        return list(values)
    keys = [_sort_key(value, case_sensitive) for value in values]
    kinds = {kind_of(key) for key in keys}
    if len(kinds) > 1:
        first, second = sorted(kinds)[:2]
        raise ExpressionError(f"{first} and {second} cannot be ordered")
    return keys


def _sort_key(value: Any, case_sensitive: Any) -> Any:
    if isinstance(value, list):
        return tuple([_sort_key(item, case_sensitive) for item in value])
    if kind_of(value) not in _ORDERED:
        raise ExpressionError(f"{kind_of(value)} has no order")
    return _folded(value, case_sensitive)


def in_order(items: Sequence[Any], keys: Sequence[Any], reverse: Any = False) -> list[Any]:
    """Return the items in the order of their keys; those with equal keys keep their order."""
    sign = -1 if reverse else 1
    rows = [(key, sign * number) for number, key in enumerate(keys)]
    parts = [rows[at : at + _PART] for at in range(0, len(rows), _PART)]
    try:
        for part in parts:
            part.sort(reverse=bool(reverse))
        return [items[sign * at] for _, at in heapq.merge(*parts, reverse=bool(reverse))]
    except TypeError:
        raise ExpressionError("the values cannot be ordered, for their types differ") from None


def _sort(
    frame: Frame,
    value: Any,
    reverse: Any = False,
    case_sensitive: Any = False,
    attribute: Any = None,
) -> list[Any]:
    items = items_of(value, "sort")
    frame.budget.spend(4 * len(items))
    names = attribute.split(",") if isinstance(attribute, str) else [attribute]
    columns = [sort_keys(_read(items, name), case_sensitive) for name in names[:20]]
    keys = columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))
    return in_order(items, keys, reverse)


def _dictsort(
    frame: Frame, value: Any, case_sensitive: Any = False, by: Any = "key", reverse: Any = False
) -> list[Any]:
    value = object_of(value, "dictsort")
    if by not in ("key", "value"):
        raise ExpressionError("dictsort sorts by 'key' or 'value'")
    frame.budget.spend(4 * len(value))
    pairs = [[key, item] for key, item in value.items()]
    column = 0 if by == "key" else 1
    return in_order(pairs, sort_keys([pair[column] for pair in pairs], case_sensitive), reverse)


def _extreme(choose: Callable[..., Any], name: str) -> Callable[..., Any]:
    def extreme(value: Any, case_sensitive: Any = False, attribute: Any = None) -> Any:
        items = items_of(value, name)
        keys = sort_keys(_read(items, attribute), case_sensitive)
        if not items:
            return None
        try:
            return items[choose(range(len(items)), key=keys.__getitem__)]
        except TypeError:
            raise ExpressionError("the values cannot be ordered, for their types differ") from None

    return extreme


def _sum(frame: Frame, value: Any, attribute: Any = None, start: Any = 0) -> Any:
    items = _read(items_of(value, "sum"), attribute)
    if isinstance(start, list):
        require_few(sum(_length(item) for item in items))
        return [*start, *chain.from_iterable(items_of(item, "sum") for item in items)]
    frame.budget.spend(len(items))
    kinds = set(map(type, items))
    if kinds <= {int, float} and type(start) in (int, float):
        return add(sum(items), start)
    # A sum of durations begins with one: there is no number that can be added to it.
    begins = bool(items) and start == 0 and kind_of(items[0]) == "duration"
    total, rest = (items[0], items[1:]) if begins else (start, items)
    for item in rest:
        total = add(total, item)
    return total


def _unique(
    frame: Frame, value: Any, case_sensitive: Any = False, attribute: Any = None
) -> list[Any]:
    items = items_of(value, "unique")
    found: dict[Any, Any] = {}
    for item, each in zip(items, _read(items, attribute), strict=True):
        found.setdefault(key_of(_folded(each, case_sensitive), frame.budget), item)
    return list(found.values())


def _groupby(
    frame: Frame,
    value: Any,
    attribute: Any,
    default: Any = NOT_GIVEN,
    case_sensitive: Any = False,
) -> list[Any]:
    items, read = items_of(value, "groupby"), attribute_reader(attribute)
    values = [_with_default(read, item, default) for item in items]
    keys = sort_keys(values, case_sensitive)
    rows = in_order(list(range(len(items))), keys)
    frame.budget.spend(4 * len(items))
    groups: list[Any] = []
    last: Any = NOT_GIVEN
    for at in rows:
        if last is NOT_GIVEN or keys[at] != last:
            groups.append(GroupedItems([values[at], []]))
            last = keys[at]
        groups[-1][1].append(items[at])
    return groups


def _with_default(read: Callable[[Any], Any], item: Any, default: Any) -> Any:
    if default is NOT_GIVEN:
        return read(item)
    try:
        return read(item)
    # Also for an item that has no fields at all, such as a list.
    except ExpressionError:
        return default


def mapped_attribute(value: Any, attribute: Any, default: Any = NOT_GIVEN) -> list[Any]:
    """Return the attribute of each item, or a default where it is missing."""
    read = attribute_reader(attribute)
    return [_with_default(read, item, default) for item in items_of(value, "map")]


def _batch(value: Any, linecount: Any, fill_with: Any = None) -> list[Any]:
    items, size = items_of(value, "batch"), whole(linecount, "the size")
    if size < 1:
        raise ExpressionError("the size must be at least 1")
    parts = [items[at : at + size] for at in range(0, len(items), size)]
    if fill_with is not None and parts and len(parts[-1]) < size:
        require_few(size)
        parts[-1] = parts[-1] + [fill_with] * (size - len(parts[-1]))
    return parts


def _slice(value: Any, slices: Any, fill_with: Any = None) -> list[Any]:
    items, count = items_of(value, "slice"), whole(slices, "the number of slices")
    if count < 1:
        raise ExpressionError("the number of slices must be at least 1")
    require_few(count)
    size, longer = divmod(len(items), count)
    parts, at = [], 0
    for number in range(count):
        end = at + size + (number < longer)
        filled = [fill_with] if fill_with is not None and number >= longer else []
        parts.append(items[at:end] + filled)
        at = end
    return parts


def _random(frame: Frame, value: Any) -> Any:
    items = value if isinstance(value, (list, str)) else items_of(value, "random")
    return items[int(frame.recorded.number() * len(items))] if items else None


def _flatten(frame: Frame, value: Any, levels: Any = 100) -> list[Any]:
    most, out = whole(levels, "levels", 1000), list[Any]()
    todo: list[tuple[Any, int]] = [(iter(items_of(value, "flatten")), 0)]
    while todo:
        items, depth = todo[-1]
        item = next(items, NOT_GIVEN)
        frame.budget.spend(1)
        if item is NOT_GIVEN:
            todo.pop()
        elif isinstance(item, list) and depth < most:
            todo.append((iter(item), depth + 1))
        else:
            out.append(item)
    require_few(len(out))
    return out


def _zip(value: Any, *others: Any) -> list[Any]:
    lists = [items_of(each, "zip") for each in (value, *others)]
    return [list(row) for row in zip(*lists, strict=False)]


def _contains(frame: Frame, value: Any, item: Any) -> bool:
    return contains(value, item, frame.budget)


def _string(value: Any) -> str:
    return limited(as_text(value))


_LIST_EXAMPLE = "[{'n': 2}, {'n': 1}]"

WORDS = (
    Word("batch", _batch, "the list in parts of `linecount` items; `fill_with` fills up the last",
         (("[1, 2, 3]|batch(2)", "[[1, 2], [3]]"), ("[1, 2, 3]|batch(2, 0)", "[[1, 2], [3, 0]]")),
         takes="list or object", gives="list", also=("chunk",), is_jinjas=True),
    Word("contains", _contains, "whether a list, a text or the keys of an object contain `item`",
         (("['a', 'b']|contains('a')", "true"), ("'Rome'|contains('om')", "true")),
         gives="boolean", takes="text or list or object"),
    Word("dictsort", _dictsort, "the object as pairs, sorted by 'key' or 'value'",
         (("{'b': 1, 'a': 2}|dictsort", '[["a", 2], ["b", 1]]'),
          ("{'b': 1, 'a': 2}|dictsort(by='value')", '[["b", 1], ["a", 2]]')),
         takes="object", gives="list", is_jinjas=True),
    Word("first", _first, "the first item, key or character; null if there is none",
         (("['a', 'b']|first", '"a"'), ("[]|first", "null")), is_jinjas=True,
         takes="text or list or object"),
    Word("flatten", _flatten, "the list with the lists in it replaced by their items",
         (("[1, [2, [3]]]|flatten", "[1, 2, 3]"), ("[1, [2, [3]]]|flatten(1)", "[1, 2, [3]]")),
         takes="list or object", gives="list"),
    Word("groupby", _groupby,
         "the items in groups by an attribute, sorted by it: pairs of the common value (`grouper`) "
         "and the `list`",
         (("[{'c': 'x', 'n': 1}, {'c': 'x', 'n': 2}]|groupby('c')|map(attribute='grouper')",
           '["x"]'),
          ("[{'c': 1}, {'c': 1}, {}]|groupby('c', default=0)",
           '[[0, [{}]], [1, [{"c": 1}, {"c": 1}]]]')),
         takes="list or object", gives="list", is_jinjas=True, makes_moments=True),
    Word("join", _join, "the items as one text, with `d` between them; or an attribute of each",
         (("[1, 2, 3]|join(', ')", '"1, 2, 3"'), (f"{_LIST_EXAMPLE}|join('+', 'n')", '"2+1"')),
         takes="list or object", gives="text", is_jinjas=True),
    Word("last", _last, "the last item, key or character; null if there is none",
         (("'abc'|last", '"c"'), ("[1, 2]|last", "2")), is_jinjas=True,
         takes="text or list or object"),
    Word("length", _length, "the number of characters, items or keys", (("'abc'|length", "3"),
         ("['a', 'b']|count", "2")), gives="number", also=("count",), is_jinjas=True,
         takes="text or list or object"),
    Word("list", _list, "the characters of a text or the keys of an object, as a list",
         (("'abc'|list", '["a", "b", "c"]'), ("{'a': 1}|list", '["a"]')),
         gives="list", is_jinjas=True, takes="text or list or object"),
    Word("max", _extreme(max, "max"), "the greatest item; null if there is none",
         (("[2, 3, 1]|max", "3"), (f"{_LIST_EXAMPLE}|max(attribute='n')", '{"n": 2}')),
         takes="list or object", is_jinjas=True),
    Word("min", _extreme(min, "min"), "the least item; null if there is none",
         (("[2, 3, 1]|min", "1"), ("[]|min", "null")), takes="list or object", is_jinjas=True),
    Word("random", _random, "one of the items or characters; the same if the node runs again",
         (("[7]|random", "7"),), is_jinjas=True, takes="text or list or object"),
    Word("reverse", _reverse, "the list or text in reverse order",
         (("[1, 2]|reverse", "[2, 1]"), ("'abc'|reverse", '"cba"')), is_jinjas=True,
         takes="text or list or object"),
    Word("slice", _slice, "the list in `slices` parts of about the same length",
         (("[1, 2, 3]|slice(2)", "[[1, 2], [3]]"),),
         takes="list or object", gives="list", is_jinjas=True),
    Word("sort", _sort,
         "the items in order; texts without regard to case unless `case_sensitive`; by one or more "
         "attributes ('city,name')",
         (("[3, 1, 2]|sort", "[1, 2, 3]"), ("['b', 'A']|sort(reverse=true)", '["b", "A"]'),
          (f"{_LIST_EXAMPLE}|sort(attribute='n')", '[{"n": 1}, {"n": 2}]')),
         takes="list or object", gives="list", is_jinjas=True),
    Word("string", _string, "the value as it appears in a text",
         (("[1, none]|string", '"[1,null]"'),), gives="text", is_jinjas=True),
    Word("sum", _sum, "the sum of the numbers or durations, or of an attribute of each item",
         (("[1, 2, 3]|sum", "6"), (f"{_LIST_EXAMPLE}|sum(attribute='n')", "3"),
          ("[[1], [2]]|sum(start=[])", "[1, 2]")), takes="list or object", is_jinjas=True),
    Word("unique", _unique, "the items without repetitions; the first of each stays",
         (("['a', 'A', 'b']|unique", '["a", "b"]'),
          ("['a', 'A']|unique(case_sensitive=true)", '["a", "A"]')),
         takes="list or object", gives="list", is_jinjas=True),
    Word("zip", _zip, "pairs of the items at the same place in two or more lists",
         (("[1, 2]|zip(['a', 'b'])", '[[1, "a"], [2, "b"]]'),),
         takes="list or object", gives="list"),
)  # fmt: skip
