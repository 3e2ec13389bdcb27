"""Says in the author's words which value a key needs, and gives an example of one."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from flowc.compiler.definition.failures import UNKNOWN_FAILURE
from flowc.compiler.diagnostics import did_you_mean, nearest

# Examples of values that are more telling than their type.
_EXAMPLES: Mapping[str, str] = {
    "id": "id: greet",
    "type": "type: template",
    "source": "source: greet",
    "target": "target: send",
    "nodes": "nodes: [{id: greet, type: template, config: {template: Hello}}]",
    "edges": "edges: [{source: greet, target: send}]",
    "goto": "goto: apologize",
    "ttl": "ttl: 5m",
    "key": 'key: "{{input.customer}}"',
    "template": 'template: "Hello {{input.name}}"',
    "condition": 'condition: "{{input.total}} > 100"',
    "value": 'value: "{{input.kind}}"',
    "cases": "cases: {urgent: call, other: null}",
    "items": 'items: "{{input.items}}"',
    "body": "body: {nodes: [{id: step, type: template, config: {template: Hello}}]}",
    "workflow": "workflow: greet",
    "variables": "variables: {count: 1}",
    "message": 'message: "There is no order {{input.order}}."',
    "labels": "labels: [billing, technical]",
    "code": 'code: "result = 1 + 1"',
    "url": "url: https://example.com/orders",
    "operation": "operation: getOrder",
    "collection": "collection: documents",
    "query": 'query: "{{input.question}}"',
    "chunks": 'chunks: "{{chunk.output.chunks}}"',
    "signal": "signal: paid",
}
_BY_TYPE: Mapping[Any, str] = {
    dict: "{a: b}", tuple: "[a, b]",
    str: "text", int: "1", float: "1.5", bool: "true", list: "[a, b]",
}  # fmt: skip
_SHOWN: Mapping[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
}
_NEEDS: Mapping[str, tuple[str, str]] = {
    "string": ("text", "Put it into quotes"),
    "tuple": ("a list", "Write a list: [a, b], or a line with - for each item."),
    "list": ("a list", "Write a list: [a, b], or a line with - for each item."),
    "dict": ("an object", "Write an object: {key: value}, or a line for each key."),
    "model": ("an object", "Write an object: {key: value}, or a line for each key."),
    "int": ("a whole number", "Write a number without quotes, such as 3."),
    "float": ("a number", "Write a number without quotes, such as 1.5."),
    "bool": ("true or false", "Write true or false, without quotes."),
}
_BOUNDS: Mapping[str, str] = {
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "string_too_short": "at least {min_length} characters long",
    "string_too_long": "at most {max_length} characters long",
    "multiple_of": "a multiple of {multiple_of}",
}
# Objects with the key that a value alone is meant for.
_SHORT: Mapping[str, tuple[type, str]] = {"retry": (int, "max_attempts"), "cache": (str, "ttl")}
_ON, _OFF = ("continue", "skip", "collect"), ("fail",)
# Words of other tools: for what happens after a failure.
_FOREIGN_WORDS: Mapping[str, tuple[str, ...]] = {
    "ignore": ("continue", "skip"),
    "true": _ON,
    "resume": _ON,
    "proceed": _ON,
    "next": _ON,
    "allow": _ON,
    "continueonfail": _ON,
    "continueregularoutput": _ON,
    "continueerroroutput": _ON,
    "default-value": _ON,
    "fail-branch": _ON,
    "remove-abnormal-output": ("skip", "continue"),
    "stop": _OFF,
    "false": _OFF,
    "abort": _OFF,
    "raise": _OFF,
    "terminate": _OFF,
    "stopworkflow": _OFF,
    "terminated": _OFF,
    "none": _OFF,
    # And for how long variables last.
    **dict.fromkeys(("conversation", "session", "chat"), ("thread",)),
    **dict.fromkeys(("global", "static", "node", "flow"), ("workflow",)),
    **dict.fromkeys(("execution", "local"), ("run",)),
}
_ISO = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", re.IGNORECASE)
# What other tools call the rules of a join.
_JOINS: Mapping[str, str] = {
    **dict.fromkeys(
        ("race", "compete", "fastest", "one", "any_one", "first_wins", "one_success", "one_done",
         "first_success", "first_completed", "first_exception", "wait_any", "xor"), "first"),
    **dict.fromkeys(
        ("every", "both", "wait_all", "all_success", "all_done", "all_completed", "and"), "all"),
    **dict.fromkeys(("or", "none_failed", "some", "none_failed_min_one_success"), "any"),
    **dict.fromkeys(("quorum", "majority", "at_least", "n_of_m", "some_of"), "{at_least: 2}"),
}  # fmt: skip
_DURATION = "write a duration as 30s, 5m or 2h, or as a number of seconds"
_CHOICES = frozenset({"literal_error", "enum"})
_LONG_UNITS = {"milli": "ms", "sec": "s", "min": "m", "hour": "h", "hr": "h", "day": "d"}


def value_words(error: Mapping[str, Any], name: str) -> tuple[str, str | None]:
    """Return what is wrong with a value, as a sentence without its end, and a hint.

    `error` is one of pydantic's, and `name` the key of the value.

    >>> value_words({"type": "string_type", "input": 5, "msg": ""}, "id")
    ('it must be text, and this is a number', 'Put it into quotes: id: "5".')
    """
    kind, given = str(error["type"]), error.get("input")
    if kind == UNKNOWN_FAILURE:
        return error["ctx"]["sentence"], error["ctx"]["hint"]
    if kind in _CHOICES:
        rule = _join_meant(str(given)) if name == "join" else None
        hint = _choice_hint(error) if rule is None else f"Write join: {rule}."
        return f"it must be {error['ctx']['expected']}", hint
    if kind in _BOUNDS:
        bound = _BOUNDS[kind].format(**error["ctx"])
        return f"it must be {bound}", f"Write a value that is {bound}."
    stem = kind.partition("_")[0]
    if stem in _NEEDS and kind.endswith(("_type", "_parsing", "_from_float", "attributes_type")):
        return f"it must be {_NEEDS[stem][0]}, and this is {_shown(given)}", _hint(error, name)
    sentence = str(error["msg"]).removeprefix("Value error, ")
    if sentence == _DURATION:
        return "this is not a duration", _duration_hint(str(given), name)
    return sentence, error.get("ctx", {}).get("hint")


def _choice_hint(error: Mapping[str, Any]) -> str:
    given, words = error.get("input"), _choices(error)
    meant = _foreign_word(given, words)
    if meant is not None:
        return f"Write {meant}."
    return did_you_mean(str(given), words) or f"Write {words[0]}."


def _hint(error: Mapping[str, Any], name: str) -> str:
    """Return how a value of the needed type is written, with the one that is there if possible."""
    stem, given = str(error["type"]).partition("_")[0], error.get("input")
    needed, hint = _NEEDS[stem]
    if needed == "a list" and _is_item(given):
        return f"Write {name}: [{given}]."
    if needed == "an object" and name in _SHORT and isinstance(given, _SHORT[name][0]):
        return f"Write {name}: {{{_SHORT[name][1]}: {given}}}."
    if error.get("ctx", {}).get("class_name") == "EdgeDefinition":
        return "Write {source: greet, target: send}."
    if stem == "string":
        return f'{hint}: {name}: "{given}".' if isinstance(given, (int, float)) else f"{hint}."
    return hint


def value_meant(error: Mapping[str, Any]) -> str | None:
    """Return the value that is surely meant by a wrong one, as `value_words` hints at it.

    >>> value_meant({"type": "string_type", "input": 5, "msg": ""})
    '5'
    """
    kind, given = str(error["type"]), error.get("input")
    if kind == UNKNOWN_FAILURE:
        meant: str | None = error["ctx"]["meant"]
        return meant
    if kind in _CHOICES:
        words = _choices(error)
        return _foreign_word(given, words) or nearest(str(given), words)
    if kind == "string_type" and type(given) in {int, float}:
        return str(given)
    if str(error["msg"]).removeprefix("Value error, ") == _DURATION and isinstance(given, str):
        return _duration(given)
    return None


def _is_item(given: Any) -> bool:
    """Return whether a value is written in a list as it is."""
    is_plain = isinstance(given, str) and given[:40].replace("-", "").isalnum()
    return is_plain or (isinstance(given, (int, float)) and not isinstance(given, bool))


def _foreign_word(given: Any, words: list[str]) -> str | None:
    """Return the word that a word of another tool means, if it is one of these.

    >>> _foreign_word("ignore", ["fail", "continue"]), _foreign_word("ignore", ["fail", "skip"])
    ('continue', 'skip')
    """
    meant = _FOREIGN_WORDS.get(str(given).lower(), ()) if isinstance(given, (str, bool)) else ()
    return next((word for word in meant if word in words), None)


def _join_meant(given: str) -> str | None:
    """Return the rule of a join that is meant by a number, or by a word of another tool.

    >>> _join_meant("2"), _join_meant("Race"), _join_meant("al")
    ('{at_least: 2}', 'first', None)
    """
    if given.isdigit() and int(given) > 0:
        return f"{{at_least: {int(given)}}}"
    return _JOINS.get(given.strip().lower().replace("-", "_"))


def _choices(error: Mapping[str, Any]) -> list[str]:
    expected = str(error["ctx"]["expected"])
    return [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    return _SHOWN.get(type(value), "a list" if isinstance(value, (list, tuple)) else "an object")


def _duration_hint(given: str, name: str) -> str:
    return f"Write {name}: {_duration(given) or '30s, 5m or 2h, or a number of seconds'}."


def _duration(given: str) -> str | None:
    """Return a duration in words, such as `5 minutes`, as it is written here."""
    iso = _ISO.fullmatch(given.strip())
    if iso is not None and sum(part is not None for part in iso.groups()) == 1:
        return next(
            f"{part}{unit}" for part, unit in zip(iso.groups(), "dhms", strict=True) if part
        )
    number = given.strip().partition(" ")[0].rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = given.strip()[len(number) :].strip().lower()
    for word, short in _LONG_UNITS.items():
        if unit.startswith(word) and number.isdigit():
            return f"{number}{short}"
    return None


def example_of(key: str, models: Iterable[type[BaseModel]]) -> str:
    """Return an example of a key with a value, for a key that is missing.

    >>> example_of("template", [])
    'For example template: "Hello {{input.name}}".'
    """
    if key in _EXAMPLES:
        return f"For example {_EXAMPLES[key]}."
    fields = [m.model_fields[key] for m in models if key in m.model_fields]
    value = _example_value(fields[0].annotation) if fields else "…"
    return f"For example {key}: {value}.{_description(fields)}"


def _description(fields: list[FieldInfo]) -> str:
    text = fields[0].description if fields else None
    return f" {text}" if text else ""


def _example_value(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Literal:
        return str(get_args(annotation)[0])
    known = _BY_TYPE.get(origin or annotation)
    if known is not None:
        return known
    inner = [a for a in get_args(annotation) if a is not type(None)]
    return _example_value(inner[0]) if inner else "…"
