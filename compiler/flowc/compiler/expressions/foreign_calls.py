"""Finds what to write instead of a call that other languages have, such as `len(list)`."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from jinja2 import nodes

from flowc.compiler.expressions.filters import FILTERS, FUNCTIONS
from flowc.compiler.expressions.syntax import path_of

# The filters that do what methods and functions of other languages do.
SAME_AS: Mapping[str, str] = {
    "len": "length", "size": "length", "count": "length",
    "toUpperCase": "upper", "toLowerCase": "lower", "strip": "trim", "capitalise": "capitalize",
    "str": "string", "String": "string", "toString": "string",
    "parseInt": "int", "parseFloat": "float", "Number": "float", "Boolean": "bool",
    "sorted": "sort", "toSorted": "sort", "reversed": "reverse", "set": "unique", "uniq": "unique",
    "includes": "contains", "startsWith": "startswith", "endsWith": "endswith",
    "replaceAll": "replace", "toFixed": "round", "concat": "combine", "flat": "flatten",
    "json": "tojson", "json.dumps": "tojson", "JSON.stringify": "tojson", "dumps": "tojson",
    "json.loads": "fromjson", "JSON.parse": "fromjson", "loads": "fromjson",
    "Math.round": "round", "Math.abs": "abs", "Object.keys": "keys", "Object.values": "values",
    "Object.entries": "items", "encodeURIComponent": "urlencode", "typeof": "type",
    "re.sub": "regex_replace", "re.match": "regex_match", "re.search": "regex_search",
    "re.findall": "regex_findall", "match": "regex_search", "strftime": "dateformat",
    "btoa": "b64encode", "atob": "b64decode", "isoformat": "string", "null": "none",
}  # fmt: skip
# Calls that are written without a filter.
INSTEAD: Mapping[str, str] = {
    "Date.now": "Write now().",
    "datetime.now": "Write now().",
    "datetime.utcnow": "Write now().",
    "DateTime.now": "Write now().",
    "Date": "Write now().",
    "Math.max": "Write [a, b]|max.",
    "Math.min": "Write [a, b]|min.",
    "max": "Write [a, b]|max.",
    "min": "Write [a, b]|min.",
    "isinstance": "Write value is string, value is number or value is mapping.",
    "Array.isArray": "Write value is sequence.",
    "print": "Write the value alone: {{ value }}.",
    "enumerate": "Write {% for item in list %} and loop.index0.",
    "push": "Write list + [item].",
    "append": "Write list + [item].",
    "filter": "Write list|selectattr('name') or list|select('test').",
    "reduce": "Write list|sum, list|join(', ') or {% for %}.",
    "env": "Write {{secrets.NAME}}.",
    "os.getenv": "Write {{secrets.NAME}}.",
}


def instead_of(call: nodes.Call) -> str:
    """Return what to write instead of a call that there is not."""
    path = path_of(call.node)
    name = ".".join(map(str, path)) if path else ""
    method = call.node.attr if isinstance(call.node, nodes.Getattr) else None
    for word in (name, method):
        if word is not None and word in INSTEAD:
            return INSTEAD[word]
    if name in SAME_AS or (method is None and name in FILTERS):
        return _filter_on(call.args[:1], SAME_AS.get(name, name), call.args[1:])
    if method is not None and (method in SAME_AS or method in FILTERS):
        assert isinstance(call.node, nodes.Getattr)
        return _filter_on([call.node.node], SAME_AS.get(method, method), call.args)
    if method is not None:
        return "Values have no methods: write value|filter; `flowc filters` lists them."
    return _functions_like(name, FUNCTIONS)


def _filter_on(value: list[nodes.Expr], filter_name: str, arguments: list[nodes.Expr]) -> str:
    text = _text(value[0]) if value else "value"
    given = f"({', '.join(map(_text, arguments))})" if arguments else ""
    return f"Write {text}|{filter_name}{given}."


def _text(node: Any) -> str:
    """Return the source of a path or of a constant; other values are `value`."""
    if isinstance(node, nodes.Const):
        return repr(node.value)[:60]
    path = path_of(node)
    if path is None:
        return "value"
    root, *rest = path
    return f"{root}{''.join(f'.{s}' if isinstance(s, str) else f'[{s}]' for s in rest)}"[:80]


def _functions_like(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return (
        f"Did you mean {near[0]}()?" if near else f"The functions are {', '.join(sorted(known))}."
    )
