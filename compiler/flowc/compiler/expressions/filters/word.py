"""The words of the language (filters, tests and functions), and how their arguments are given."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flowc.compiler.expressions.errors import ExpressionError
from flowc.compiler.expressions.frame import Evaluate, Frame

# In the order in which messages name them; the last three are only held by local variables.
ALL_KINDS = (
    "null", "boolean", "number", "text", "list", "object", "moment", "date", "duration",
    "namespace", "joiner", "loop",
)  # fmt: skip
Apply = Callable[[Any], Any]
Prepare = Callable[[Frame], Apply]


@dataclass(frozen=True)
class Word:
    """A filter, test or function of the language.

    The parameters of `function` are those that authors write, after the value that a filter or test
    works on. If the first is `frame`, it also gets what the evaluation reads. `takes` are the kinds
    of the value, such as `list or object`: all others are refused. `gives` are those of the result.
    Each example has an expression and its value as JSON.
    """

    name: str
    function: Callable[..., Any]
    summary: str
    examples: tuple[tuple[str, str], ...]
    takes: str = "any"
    gives: str = "any"
    also: tuple[str, ...] = ()
    is_jinjas: bool = False
    is_function: bool = False
    makes_moments: bool = False

    @cached_property
    def kinds_taken(self) -> frozenset[str]:
        """The kinds of values that the function does not refuse."""
        return frozenset(ALL_KINDS if self.takes == "any" else self.takes.split(" or "))

    @cached_property
    def wants_frame(self) -> bool:
        """Whether the function gets the frame of the evaluation."""
        return "frame" in inspect.signature(self.function).parameters

    @cached_property
    def parameters(self) -> tuple[inspect.Parameter, ...]:
        """The parameters that authors write."""
        own = (self.wants_frame, not self.is_function)
        return tuple(inspect.signature(self.function).parameters.values())[sum(own) :]

    @property
    def usage(self) -> str:
        """The word with its parameters, such as `replace(old, new, count=null)`."""
        if not self.parameters and not self.is_function:
            return self.name
        return f"{self.name}({', '.join(map(_shown, self.parameters))})"

    def require_arguments(self, count: int, names: Sequence[str]) -> None:
        """Raise ExpressionError if the function does not take these arguments."""
        signature = inspect.Signature(self.parameters)
        try:
            signature.bind(*[None] * count, **dict.fromkeys(names))
        except TypeError as problem:
            message = f"{self.name!r} does not take these arguments: {problem}"
            raise ExpressionError(message, f"Its parameters are {self.usage}.") from None


def _shown(parameter: inspect.Parameter) -> str:
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return f"{parameter.name}…"
    if parameter.kind is inspect.Parameter.VAR_KEYWORD:
        return f"{parameter.name}=…"
    if parameter.default is inspect.Parameter.empty:
        return parameter.name
    words = {None: "null", True: "true", False: "false"}
    default = parameter.default
    if isinstance(default, NotGiven):
        return f"[{parameter.name}]"
    is_word = default is None or isinstance(default, bool)
    return f"{parameter.name}={words[default] if is_word else repr(default)}"


class NotGiven:
    """The default of a parameter whose absence differs from every value."""


NOT_GIVEN = NotGiven()


def prepared(word: Word, given: Sequence[Evaluate], named: Mapping[str, Evaluate]) -> Prepare:
    """Return what evaluates a word's arguments, and then applies it to any number of values."""
    word.require_arguments(len(given), list(named))
    function, wants_frame, name = word.function, word.wants_frame, word.name

    def prepare(frame: Frame) -> Apply:
        values = [evaluate(frame) for evaluate in given]
        options = {key: evaluate(frame) for key, evaluate in named.items()}
        budget = frame.budget

        def apply(value: Any) -> Any:
            budget.spend(size_of(value))
            try:
                if wants_frame:
                    result = function(frame, value, *values, **options)
                else:
                    result = function(value, *values, **options)
            except _UNEXPECTED:
                raise _misfit(name) from None
            if type(result) is str:
                budget.make(len(result))
            elif type(result) is list:
                budget.make(8 * len(result))
            return result

        return apply

    return prepare


def applied(
    word: Word, value: Evaluate, given: Sequence[Evaluate], named: Mapping[str, Evaluate]
) -> Evaluate:
    """Return what applies a word to one value."""
    prepare = prepared(word, given, named)
    if named:
        return lambda frame: prepare(frame)(value(frame))
    call = _calling(word, given)

    def apply(frame: Frame) -> Any:
        found = value(frame)
        # What is small is part of the cost of the expression itself.
        if type(found) in _SIZED and len(found) > _SMALL:
            frame.budget.spend(size_of(found))
        try:
            result = call(frame, found)
        except _UNEXPECTED:
            raise _misfit(word.name) from None
        if type(result) in _SIZED and len(result) > _SMALL:
            frame.budget.make(8 * len(result) if type(result) is list else len(result))
        return result

    return apply


def _calling(word: Word, given: Sequence[Evaluate]) -> Callable[[Frame, Any], Any]:
    """Return what calls a word's function; most have no arguments, or one."""
    function = word.function
    if word.wants_frame:
        return lambda frame, value: function(frame, value, *[each(frame) for each in given])
    if not given:
        return lambda frame, value: function(value)
    if len(given) == 1:
        only = given[0]
        return lambda frame, value: function(value, only(frame))
    return lambda frame, value: function(value, *[each(frame) for each in given])


_SIZED = frozenset({str, list, dict})
_SMALL = 64


# Words check what they need of their values; these are what none of them expects.
_UNEXPECTED = (TypeError, AttributeError, KeyError, IndexError)


def _misfit(name: str) -> ExpressionError:
    return ExpressionError(f"{name!r} does not work on these values")


def called(word: Word, given: Sequence[Evaluate], named: Mapping[str, Evaluate]) -> Evaluate:
    """Return what calls a function of the language."""
    word.require_arguments(len(given), list(named))
    function, wants_frame, name = word.function, word.wants_frame, word.name

    def call(frame: Frame) -> Any:
        values = [evaluate(frame) for evaluate in given]
        options = {key: evaluate(frame) for key, evaluate in named.items()}
        frame.budget.spend(4)
        try:
            return (
                function(frame, *values, **options) if wants_frame else function(*values, **options)
            )
        except _UNEXPECTED:
            raise _misfit(name) from None

    return call


def size_of(value: Any) -> int:
    """Return how many steps it takes to go through a value once."""
    kind = type(value)
    if kind is str:
        return 1 + (len(value) >> 4)
    return 1 + len(value) if kind is list or kind is dict else 1
