"""Comparisons of a value with another, written in parts, as conditions of this language."""

import re
from collections.abc import Mapping
from typing import Any

_LONE = re.compile(r"\s*\{\{((?:(?!\}\}).)*)\}\}\s*", re.DOTALL)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")

# A comparison's names in other tools, in lower case without blanks, - and _.
_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("==", "===", "=", "eq", "equal", "equals", "is", "equalto"), "=="),
    **dict.fromkeys(("!=", "!==", "<>", "≠", "ne", "neq", "notequal", "notequals", "isnot"), "!="),
    **dict.fromkeys((">", "gt", "greater", "greaterthan", "larger", "after", "morethan"), ">"),
    **dict.fromkeys(
        (">=", "≥", "gte", "ge", "greaterthanorequal", "greaterorequal", "largerequal",
         "greaterequal", "greaterthanequals", "greaterthanorequals", "min", "afterorequals"), ">="),
    **dict.fromkeys(("<", "lt", "less", "lessthan", "smaller", "before"), "<"),
    **dict.fromkeys(
        ("<=", "≤", "lte", "le", "lessthanorequal", "lessorequal", "smallerequal", "lessequal",
         "lessthanequals", "lessthanorequals", "max", "beforeorequals"), "<="),
    **dict.fromkeys(("contains", "contain", "includes", "has"), "contains"),
    **dict.fromkeys(("notcontains", "notcontain", "doesnotcontain", "excludes"), "lacks"),
    **dict.fromkeys(("startswith", "startwith", "beginswith"), "startswith"),
    **dict.fromkeys(("notstartswith", "doesnotstartwith"), "not startswith"),
    **dict.fromkeys(("endswith", "endwith"), "endswith"),
    **dict.fromkeys(("notendswith", "doesnotendwith"), "not endswith"),
    **dict.fromkeys(("regex", "matches", "matchesregex", "regexp", "match"), "regex"),
    **dict.fromkeys(("notregex", "doesnotmatch", "notmatches"), "not regex"),
    **dict.fromkeys(("in", "oneof", "isin", "anyof"), "in"),
    **dict.fromkeys(("notin", "noneof", "isnotin"), "not in"),
    **dict.fromkeys(("empty", "isempty"), "empty"),
    **dict.fromkeys(("notempty", "isnotempty"), "not empty"),
    **dict.fromkeys(("null", "isnull", "none", "notexists", "notexist", "isundefined"), "null"),
    **dict.fromkeys(("notnull", "isnotnull", "exists", "exist", "ispresent"), "not null"),
    **dict.fromkeys(("true", "istrue"), "true"),
    **dict.fromkeys(("false", "isfalse"), "false"),
}  # fmt: skip
_FORMS: Mapping[str, str] = {
    **{sign: f"{{left}} {sign} {{right}}" for sign in ("==", "!=", ">", ">=", "<", "<=")},
    "in": "{left} in {right}",
    "not in": "{left} not in {right}",
    "contains": "{right} in {left}",
    "lacks": "{right} not in {left}",
    "startswith": "{left}|startswith({right})",
    "not startswith": "not {left}|startswith({right})",
    "endswith": "{left}|endswith({right})",
    "not endswith": "not {left}|endswith({right})",
    "regex": "{left}|regex_search({right}) is not none",
    "not regex": "{left}|regex_search({right}) is none",
    "empty": "not {left}|default(none)",
    "not empty": "not not {left}|default(none)",
    "null": "{left}|default(none) is none",
    "not null": "{left}|default(none) is not none",
    "true": "{left} == true",
    "false": "{left} == false",
}
_ORDERS = frozenset({">", ">=", "<", "<="})


def comparison(left: str, operator: Any, right: Any) -> str | None:
    """Return the condition that compares an expression with a value; None for an unknown word.

    >>> comparison("input.age", "≥", "18"), comparison("{{a.output.name}}", "start with", "A")
    ('(input.age >= 18)', "((a.output.name)|startswith('A'))")
    >>> comparison("input.age", "resembles", 3) is None
    True
    """
    word = _WORDS.get(re.sub(r"[\s_-]", "", str(operator)).lower())
    if word is None:
        return None
    is_number = word in _ORDERS and isinstance(right, str) and _NUMBER.fullmatch(right.strip())
    value = right.strip() if is_number else literal(right)
    return f"({_FORMS[word].format(left=_expression(left), right=value)})"


def literal(value: Any) -> str:
    """Return a value as an expression; a text that is one expression in braces is that.

    >>> literal([None, True, "text", {}]), literal("{{ input.x }}")
    ("[none, true, 'text', {}]", '(input.x)')
    """
    if isinstance(value, str):
        lone = _LONE.fullmatch(value)
        return f"({lone[1].strip()})" if lone is not None else _quoted(value)
    if isinstance(value, bool) or value is None:
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_quoted(str(k))}: {literal(v)}' for k, v in value.items())}}}"
    return str(value)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
    if "'" not in escaped:
        return f"'{escaped}'"
    return '"' + escaped.replace('"', '\\"') + '"'


def _expression(text: str) -> str:
    lone = _LONE.fullmatch(text)
    return f"({lone[1].strip()})" if lone is not None else text
