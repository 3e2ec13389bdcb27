"""The tests of the language: `value is even`."""

from typing import Any

from flowc.compiler.expressions.arithmetic import (
    contains,
    equal,
    greater,
    greater_or_equal,
    less,
    less_or_equal,
    unequal,
)
from flowc.compiler.expressions.errors import ExpressionError
from flowc.compiler.expressions.filters.word import Word
from flowc.compiler.expressions.frame import Frame
from flowc.compiler.expressions.values import kind_of, number


def _boolean(value: Any) -> bool:
    return isinstance(value, bool)


def _divisibleby(value: Any, num: Any) -> bool:
    if number(num) == 0:
        raise ExpressionError("division by zero")
    return bool(number(value) % num == 0)


def _even(value: Any) -> bool:
    return bool(number(value) % 2 == 0)


def _odd(value: Any) -> bool:
    return bool(number(value) % 2 == 1)


def _false(value: Any) -> bool:
    return value is False


def _float(value: Any) -> bool:
    return isinstance(value, float)


def _in(frame: Frame, value: Any, seq: Any) -> bool:
    return contains(seq, value, frame.budget)


def _integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _iterable(value: Any) -> bool:
    return isinstance(value, (list, dict))


def _lower(value: Any) -> bool:
    return isinstance(value, str) and value.islower()


def _mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _none(value: Any) -> bool:
    return value is None


def _number(value: Any) -> bool:
    return kind_of(value) == "number"


def _sameas(value: Any, other: Any) -> bool:
    return type(value) is type(other) and equal(value, other)


def _sequence(value: Any) -> bool:
    return isinstance(value, list)


def _string(value: Any) -> bool:
    return isinstance(value, str)


def _true(value: Any) -> bool:
    return value is True


def _upper(value: Any) -> bool:
    return isinstance(value, str) and value.isupper()


def _defined(value: Any) -> bool:
    return True


def _undefined(value: Any) -> bool:
    return False


TEST_WORDS = (
    Word("boolean", _boolean, "`true` and `false`", (("1 is boolean", "false"),), is_jinjas=True),
    Word("defined", _defined, "values that exist, `null` included",
         (("nothing is defined", "false"), ("none is defined", "true")), is_jinjas=True),
    Word("divisibleby", _divisibleby, "numbers that `num` divides",
         (("9 is divisibleby(3)", "true"), ("9 is divisibleby 2", "false")),
         takes="number", is_jinjas=True),
    Word("eq", equal, "values equal to another", (("1 is eq(1.0)", "true"),
         ("1 is equalto(true)", "false")), also=("equalto", "=="), is_jinjas=True),
    Word("even", _even, "even numbers", (("4 is even", "true"),), takes="number", is_jinjas=True),
    Word("false", _false, "`false`", (("(1 > 2) is false", "true"),), is_jinjas=True),
    Word("float", _float, "numbers with a point", (("1.0 is float", "true"),), is_jinjas=True),
    Word("ge", greater_or_equal, "what is at least as great as another", (("2 is ge(2)", "true"),),
         also=(">=",), is_jinjas=True),
    Word("gt", greater, "what is greater than another", (("2 is gt 1", "true"),
         ("2 is greaterthan(2)", "false")), also=("greaterthan", ">"), is_jinjas=True),
    Word("in", _in, "what a list, a text or the keys of an object contain",
         (("2 is in([1, 2])", "true"),), is_jinjas=True),
    Word("integer", _integer, "whole numbers without a point",
         (("1 is integer", "true"), ("1.0 is integer", "false")), is_jinjas=True),
    Word("iterable", _iterable, "lists and objects", (("[] is iterable", "true"),), is_jinjas=True),
    Word("le", less_or_equal, "what is at most as great as another", (("2 is le(2)", "true"),),
         also=("<=",), is_jinjas=True),
    Word("lower", _lower, "text in lower case", (("'ada' is lower", "true"),),
         is_jinjas=True),
    Word("lt", less, "what is less than another", (("1 is lt 2", "true"),
         ("2 is lessthan(2)", "false")), also=("lessthan", "<"), is_jinjas=True),
    Word("mapping", _mapping, "objects", (("{'a': 1} is mapping", "true"),), is_jinjas=True),
    Word("ne", unequal, "values that differ from another", (("1 is ne 2", "true"),),
         also=("!=",), is_jinjas=True),
    Word("none", _none, "`null`", (("none is none", "true"),), is_jinjas=True),
    Word("number", _number, "numbers", (("1.5 is number", "true"), ("true is number", "false")),
         is_jinjas=True),
    Word("odd", _odd, "odd numbers", (("3 is odd", "true"),), takes="number", is_jinjas=True),
    Word("sameas", _sameas, "values of the same type that are equal",
         (("1 is sameas(1)", "true"), ("1 is sameas(1.0)", "false")), is_jinjas=True),
    Word("sequence", _sequence, "lists", (("'abc' is sequence", "false"),), is_jinjas=True),
    Word("string", _string, "text", (("'abc' is string", "true"),), is_jinjas=True),
    Word("true", _true, "`true`", (("1 is true", "false"),), is_jinjas=True),
    Word("undefined", _undefined, "what does not exist", (("nothing is undefined", "true"),),
         is_jinjas=True),
    Word("upper", _upper, "text in upper case", (("'ADA' is upper", "true"),),
         is_jinjas=True),
)  # fmt: skip
