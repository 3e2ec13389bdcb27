"""Inspects filters, tests and calls of functions."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from jinja2 import nodes

from flowc.compiler.expressions.filters import FILTERS, FUNCTIONS, TESTS, Word
from flowc.compiler.inspection.conversions import hint_for_filter
from flowc.compiler.inspection.inspection import Inspection, InspectTree
from flowc.compiler.inspection.operators import compared
from flowc.compiler.inspection.possible import (
    ANYTHING,
    NOTHING,
    NULL,
    NUMBER,
    TEXT,
    TRUE_OR_FALSE,
    Possible,
    among,
    either,
    field_of_possible,
    item_of,
    list_of,
    of_kinds,
)
from flowc.compiler.inspection.written import written

Given = Mapping[str, Possible]
Result = Callable[[Possible, Given], Possible]

_CHOOSERS = frozenset({"select", "reject", "selectattr", "rejectattr"})
# Without a default these refuse what is no number, or neither true nor false.
_WITH_DEFAULT = frozenset({"int", "float", "bool"})


def _filter(inspection: Inspection, node: nodes.Filter) -> Possible:
    word = FILTERS.get(node.name)
    if word is None or node.node is None:
        return ANYTHING
    if word.name == "default":
        return _default(inspection, node)
    found, given = inspection.possible(node.node), _arguments(inspection, node, word)
    if not found.kinds or not all(argument.kinds for argument in given.values()):
        return NOTHING
    if not _takes(word, found, given):
        what = f"{word.name!r} needs {_named(word.takes)}, and this is {found.words}"
        hint = hint_for_filter(word.name, node.node, found, word.kinds_taken)
        inspection.note("type-mismatch", f"{written(node)!r} always fails: {what}.", hint, node)
        return NOTHING
    if word.name == "map":
        return _mapped(inspection, node, found, given)
    rule = _RESULTS.get(word.name)
    result = rule(found, given) if rule is not None else of_kinds(word.gives)
    return inspection.refined(node, result, found, *given.values())


def _takes(word: Word, found: Possible, given: Given) -> bool:
    is_lenient = word.name in _WITH_DEFAULT and "default" in given
    return is_lenient or bool(found.kinds & word.kinds_taken)


def _named(takes: str) -> str:
    """Return kinds with their articles: `text or list` is "text or a list"."""
    articles = {"text": "text", "object": "an object"}
    *kinds, last = [articles.get(kind, f"a {kind}") for kind in takes.split(" or ")]
    return f"{', '.join(kinds)} or {last}" if kinds else last


def _arguments(inspection: Inspection, node: Any, word: Word) -> dict[str, Possible]:
    """Return what the arguments of a word can be, by the names of its parameters."""
    names = [parameter.name for parameter in word.parameters]
    given: dict[str, Possible] = {}
    for number, argument in enumerate(node.args or ()):
        name = names[number] if number < len(names) else f"argument {number}"
        # Several parameters may have one name, as in format(*args).
        given[name if name not in given else f"argument {number}"] = inspection.possible(argument)
    for pair in node.kwargs or ():
        given[pair.key] = inspection.possible(pair.value)
    return given


def _default(inspection: Inspection, node: nodes.Filter) -> Possible:
    assert node.node is not None  # see _filter
    with inspection.with_default():
        found = inspection.possible(node.node)
        with inspection.perhaps():
            given = _arguments(inspection, node, FILTERS["default"])
    other = given.get("default_value", among([""]))
    return either(found, other)


def _mapped(inspection: Inspection, node: nodes.Filter, found: Possible, given: Given) -> Possible:
    """Return a list of an attribute of each item, or of what a filter makes of each."""
    item = item_of(found)
    if "attribute" in given:
        attribute = next(pair.value for pair in node.kwargs if pair.key == "attribute")
        read = _attribute(item, attribute)
        return list_of(either(read, given["default"]) if "default" in given else read)
    name = node.args[0].value if node.args and isinstance(node.args[0], nodes.Const) else ""
    word = FILTERS.get(name)
    if word is None or word.name in _WITH_DEFAULT or not item.kinds:
        return list_of(ANYTHING)
    if not item.kinds & word.kinds_taken:
        what = f"{word.name!r} needs {_named(word.takes)}, and each item is {item.words}"
        with inspection.perhaps():
            message = f"{written(node)!r} always fails: {what}."
            inspection.note("type-mismatch", message, None, node)
    return list_of(of_kinds(word.gives))


def _attribute(item: Possible, attribute: nodes.Node) -> Possible:
    if not isinstance(attribute, nodes.Const) or not isinstance(attribute.value, str):
        return ANYTHING
    for step in attribute.value.split("."):
        item = field_of_possible(item, int(step) if step.isdecimal() else step)
    return item


def _item_or_null(found: Possible, given: Given) -> Possible:
    options = [TEXT] if "text" in found.kinds else []
    if found.kinds & {"list", "object"}:
        options.append(ANYTHING if given.get("attribute") else item_of(found))
    return either(NULL, *options)


def _same_items(found: Possible, given: Given) -> Possible:
    return list_of(item_of(found))


def _reversed(found: Possible, given: Given) -> Possible:
    texts = [TEXT] if "text" in found.kinds else []
    lists = [list_of(item_of(found))] if found.kinds & {"list", "object"} else []
    return either(*texts, *lists)


def _characters_or_items(found: Possible, given: Given) -> Possible:
    options = [list_of(TEXT)] if "text" in found.kinds else []
    if found.kinds & {"list", "object"}:
        options.append(list_of(item_of(found)))
    return either(*options)


def _sum(found: Possible, given: Given) -> Possible:
    plain = not given and found.kinds <= {"list"} and item_of(found).kinds <= {"number"}
    return NUMBER if plain else ANYTHING


def _converted(words: str) -> Result:
    def convert(found: Possible, given: Given) -> Possible:
        return either(of_kinds(words), *([given["default"]] if "default" in given else []))

    return convert


def _kind_name(found: Possible, given: Given) -> Possible:
    names = {"text": "string", "list": "array"}
    return among(sorted(names.get(kind, kind) for kind in found.kinds))


def _texts(found: Possible, given: Given) -> Possible:
    return list_of(TEXT)


def _count(found: Possible, given: Given) -> Possible:
    return replace(NUMBER, least=0)


# What words give for what they get; all others give what is declared.
_RESULTS: Mapping[str, Result] = {
    **dict.fromkeys(("first", "last", "min", "max", "random"), _item_or_null),
    **dict.fromkeys(("sort", "unique", *_CHOOSERS), _same_items),
    **dict.fromkeys(("keys", "split", "regex_split"), _texts),
    **dict.fromkeys(("length", "wordcount", "abs"), _count),
    **dict.fromkeys(("int", "float"), _converted("number")),
    "bool": _converted("boolean"),
    "list": _characters_or_items,
    "reverse": _reversed,
    "sum": _sum,
    "type": _kind_name,
    "batch": lambda found, given: list_of(list_of(ANYTHING)),
}

# What a value is that passes these tests; of the others it depends on the value.
_KIND_TESTS: Mapping[str, frozenset[str]] = {
    "boolean": frozenset({"boolean"}),
    "number": frozenset({"number"}),
    "string": frozenset({"text"}),
    "mapping": frozenset({"object"}),
    "sequence": frozenset({"list"}),
    "iterable": frozenset({"list", "object"}),
}
_COMPARING: Mapping[str, str] = {
    "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "in": "in",
}  # fmt: skip


def _test(inspection: Inspection, node: nodes.Test) -> Possible:
    word = TESTS.get(node.name)
    if word is None or word.name in {"defined", "undefined"}:
        with inspection.with_default():
            inspection.possible(node.node)
        return TRUE_OR_FALSE
    found = inspection.possible(node.node)
    given = list(_arguments(inspection, node, word).values())
    if not found.kinds or not all(argument.kinds for argument in given):
        return NOTHING
    sign = _COMPARING.get(word.name)
    if sign is not None and len(node.args or ()) == 1:
        return compared(inspection, sign, (node.node, found), (node.args[0], given[0]), node)
    if word.name in _KIND_TESTS:
        kinds = _KIND_TESTS[word.name]
        is_all, is_some = found.kinds <= kinds, bool(found.kinds & kinds)
        return among([is_all]) if is_all is is_some else TRUE_OR_FALSE
    if not found.kinds & word.kinds_taken:
        what = f"{word.name!r} needs {_named(word.takes)}, and this is {found.words}"
        hint = hint_for_test(node, found)
        inspection.note("type-mismatch", f"{written(node)!r} always fails: {what}.", hint, node)
        return NOTHING
    return TRUE_OR_FALSE


def hint_for_test(node: nodes.Test, found: Possible) -> str | None:
    """Return how a test of numbers is applied to a text."""
    if found.kinds == {"text"}:
        return f"Write {written(node.node)}|int is {node.name}."
    return None


def _call(inspection: Inspection, node: nodes.Call) -> Possible:
    target = node.node
    if isinstance(target, nodes.Name) and target.name in inspection.locals:
        return TEXT
    if isinstance(target, nodes.Name) and target.name in FUNCTIONS:
        word = FUNCTIONS[target.name]
        given = _arguments(inspection, node, word)
        if not all(argument.kinds for argument in given.values()):
            return NOTHING
        return list_of(NUMBER) if word.name == "range" else of_kinds(word.gives)
    for argument in node.args:
        inspection.possible(argument)
    return ANYTHING


WORD_RULES: Mapping[type[nodes.Node], InspectTree] = {
    nodes.Filter: _filter,
    nodes.Test: _test,
    nodes.Call: _call,
}
