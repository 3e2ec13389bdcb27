"""Filters on numbers, and conversions to numbers."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from flowc.compiler.expressions.errors import ExpressionError
from flowc.compiler.expressions.filters.word import NOT_GIVEN, Word
from flowc.compiler.expressions.values import bounded, kind_of, number, text, whole


def _abs(value: Any) -> Any:
    return abs(number(value))


def _int(value: Any, default: Any = NOT_GIVEN, base: Any = 10) -> Any:
    try:
        if isinstance(value, str):
            return bounded(_int_of_text(value, whole(base, "base", 36)))
        return bounded(int(value))
    except (ValueError, TypeError, OverflowError):
        if default is NOT_GIVEN:
            raise ExpressionError(
                f"this {kind_of(value)} is not a whole number", "int(0) gives 0 instead."
            ) from None
        return default


def _int_of_text(value: str, base: int) -> int:
    # Converting digits takes time that grows with the square of their number.
    if len(value) > 300:
        raise ValueError
    plain = value.strip()
    try:
        return int(plain, base)
    except ValueError:
        return int(float(plain))


def _float(value: Any, default: Any = NOT_GIVEN) -> Any:
    try:
        result = float(value)
        if not math.isfinite(result):
            raise ValueError
        return result
    except (ValueError, TypeError, OverflowError):
        if default is NOT_GIVEN:
            raise ExpressionError(
                f"this {kind_of(value)} is not a number", "float(0) gives 0 instead."
            ) from None
        return default


_METHODS: Mapping[str, Any] = MappingProxyType({"ceil": math.ceil, "floor": math.floor})


def _round(value: Any, precision: Any = 0, method: Any = "common") -> Any:
    if isinstance(precision, bool) or not isinstance(precision, int) or abs(precision) > 20:
        raise ExpressionError("round takes a whole number of digits, at most 20")
    if method == "common":
        return round(number(value), precision)
    if method not in _METHODS:
        raise ExpressionError("the method of round is 'common', 'ceil' or 'floor'")
    try:
        return _METHODS[method](number(value) * (10**precision)) / (10**precision)
    except OverflowError:
        raise ExpressionError("the number is too large") from None


def _filesizeformat(value: Any, binary: Any = False) -> str:
    size, base = _float(value), 1024 if binary else 1000
    if size == 1:
        return "1 Byte"
    if size < base:
        return f"{int(size)} Bytes"
    letters, last = "kMGTPEZY", ("KiB" if binary else "kB")
    for step, letter in enumerate(letters, 1):
        last = f"{letter.upper()}iB" if binary else f"{letter}B"
        if size < base ** (step + 1) or letter == "Y":
            return f"{size / base**step:.1f} {last}"
    return last


def _number(value: Any, digits: Any = None, thousands: Any = ",", point: Any = ".") -> str:
    value = _float(value) if isinstance(value, str) else number(value)
    places = "" if digits is None else f".{whole(digits, 'digits', 20)}f"
    shown = f"{value:,{places}}"
    before, dot, after = shown.partition(".")
    return before.replace(",", text(thousands)) + (text(point) if dot else "") + after


def _bool(value: Any, default: Any = NOT_GIVEN) -> Any:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else value
    if word in ("true", "yes", "on", "1", 1):
        return True
    if word in ("false", "no", "off", "0", 0):
        return False
    if default is not NOT_GIVEN:
        return default
    raise ExpressionError(
        f"this {kind_of(value)} is neither true nor false", "bool(false) gives false instead."
    )


WORDS = (
    Word("abs", _abs, "the number without its sign", (("(2 - 5)|abs", "3"),),
         takes="number", gives="number", is_jinjas=True),
    Word("bool", _bool,
         "true for true, 1 and the words true, yes, on; false for false, 0, no, off; or `default`",
         (("'Yes'|bool", "true"), ("0|bool", "false"), ("'maybe'|bool(default=false)", "false")),
         gives="boolean", takes="boolean or number or text"),
    Word("filesizeformat", _filesizeformat,
         "a number of bytes as people read it; `binary` counts in steps of 1024",
         (("1500000|filesizeformat", '"1.5 MB"'), ("2048|filesizeformat(true)", '"2.0 KiB"')),
         takes="boolean or number or text", gives="text", is_jinjas=True),
    Word("float", _float, "the value as a number; `default` if it is none",
         (("'2.5'|float", "2.5"), ("'soon'|float(0)", "0")), gives="number", is_jinjas=True,
         takes="boolean or number or text"),
    Word("int", _int,
         "the value as a whole number, rounded towards 0; `default` if it is none",
         (("'12.7'|int", "12"), ("'soon'|int(0)", "0"), ("'ff'|int(base=16)", "255")),
         gives="number", is_jinjas=True, takes="boolean or number or text"),
    Word("number", _number,
         "the number as text with marks between the thousands; `digits` after the point",
         (("1234567.891|number(2)", '"1,234,567.89"'),
          ("1234.5|number(2, thousands='.', point=',')", '"1.234,50"')),
         takes="number or text", gives="text"),
    Word("round", _round,
         "the number rounded to `precision` digits; a half goes to the even number; `method` is "
         "'common', 'ceil' or 'floor'",
         (("3.14159|round(2)", "3.14"), ("2.1|round(method='ceil')", "3.0")),
         takes="number", gives="number", is_jinjas=True),
)  # fmt: skip
