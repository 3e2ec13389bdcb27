"""Conditions in parts, as the editors of other tools write them: field, operator, value."""

import re
from typing import Any

from flowc.compiler.reading.familiar.operators import comparison
from flowc.compiler.reading.familiar.translation import Translation

_LEFT = ("field", "variable", "left", "value1", "key", "leftValue", "variable_selector", "path",
         "input", "left_value", "operand", "fact")  # fmt: skip
_OPERATOR = ("operator", "op", "comparison", "comparison_operator", "operation", "comparator")
_RIGHT = ("value", "right", "value2", "compare_to", "rightValue", "right_value", "expected",
          "compare_value")  # fmt: skip
_TOGETHER = ("logic", "combinator", "logical_operator", "combine", "combineOperation", "match",
             "mode")  # fmt: skip
_LISTS: tuple[str, ...] = ("conditions", "rules", "cases")
_ROOTS = frozenset({"input", "variables", "item", "index", "loop", "error", "run", "nodes"})
_PATH = re.compile(r"\$?[A-Za-z_][\w-]*(?:\.[\w-]+|\[\d+\])*")
_KNOWN = "Operators are ==, !=, >, >=, <, <=, contains, in, startswith, endswith, regex, empty."
_FORM = "Write {field: score, operator: '>', value: 3}, or `condition: \"{{a.output.score}} > 3\"`."


def read_condition(found: Translation) -> None:
    """Translate a condition in parts, unless the node has one as an expression."""
    if "condition" in found.config or "condition" in found.written:
        return
    if found.has(*_LISTS):
        key = next(key for key in _LISTS if key in found.written)
        logic = found.take(*_TOGETHER)
        condition = _all_of(found, _only_case(found, key), logic, (key,))
        if condition is not None:
            found.put("condition", condition, key)
    elif found.has(*_LEFT) and found.has(*_OPERATOR):
        key = next(key for key in _LEFT if key in found.written)
        parts = {
            key: found.written.pop(key)
            for key in (*_LEFT, *_OPERATOR, *_RIGHT)
            if key in found.written
        }
        condition = _one(found, parts, ())
        if condition is not None:
            found.put("condition", condition)


def _only_case(found: Translation, key: str) -> Any:
    given = found.take(key)
    if key == "cases" and isinstance(given, list) and len(given) == 1:
        return given[0]
    if key == "cases":
        found.misfit(
            "A condition has two branches, and here are several cases.",
            "Use a `switch`, or a condition for each case.",
            key,
        )
        return None
    return given


def _all_of(found: Translation, given: Any, logic: Any, at: tuple[str | int, ...]) -> str | None:
    """Return the condition of several, which all hold, or one holds for `or` and `any`."""
    if isinstance(given, dict):
        logic = next((given[key] for key in _TOGETHER if key in given), logic)
        if "conditions" in given:
            return _all_of(found, given["conditions"], logic, (*at, "conditions"))
        kinds = ("string", "number", "boolean", "dateTime")
        listed = [each for kind in kinds for each in given.get(kind, ())]
        given = listed or [given]
    if not isinstance(given, list) or not given:
        if given is not None:
            found.misfit("There is no condition.", _FORM, *at)
        return None
    parts = [_one(found, each, (*at, number)) for number, each in enumerate(given)]
    word = " or " if str(logic or "and").lower() in {"or", "any", "||", "some"} else " and "
    known = [part for part in parts if part is not None]
    return word.join(known) if len(known) == len(parts) else None


def _one(found: Translation, given: Any, at: tuple[str | int, ...]) -> str | None:
    if isinstance(given, str):
        return f"({given})"
    if isinstance(given, dict) and "conditions" in given:
        inner = _all_of(found, given, None, at)
        return f"({inner})" if inner is not None else None
    left, operator, right = _parts(given) if isinstance(given, dict) else (None, None, None)
    path = _left(found, left)
    if path is None or operator is None:
        found.misfit("This condition has no field to compare, or no operator.", _FORM, *at)
        return None
    condition = comparison(path, operator, right)
    if condition is None:
        found.misfit(f"There is no operator {str(operator)[:40]!r}.", _KNOWN, *at)
    return condition


def _parts(given: dict[str, Any]) -> tuple[Any, Any, Any]:
    left = next((given[key] for key in _LEFT if key in given), None)
    operator = next((given[key] for key in _OPERATOR if key in given), None)
    if isinstance(operator, dict):
        operator = operator.get("operation")
    return left, operator, next((given[key] for key in _RIGHT if key in given), None)


def _left(found: Translation, given: Any) -> str | None:
    """Return what is compared, as an expression; a field alone is one of the data before it."""
    if isinstance(given, list) and given and all(isinstance(part, str) for part in given):
        given = ".".join(given)
    if not isinstance(given, str):
        return None
    if "{{" in given:
        return given
    path = given.removeprefix("$.").removeprefix("$json.").strip()
    if _PATH.fullmatch(path) is None:
        return None
    root, _, rest = path.partition(".")
    if root in found.ids:
        return path if rest.partition(".")[0] == "output" else f"{root}.output.{rest}".rstrip(".")
    if root in _ROOTS:
        return path
    before = found.before
    return f"{before[0]}.output.{path}" if len(before) == 1 else f"input.{path}"
