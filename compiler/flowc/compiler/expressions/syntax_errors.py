"""Describes in our own words what is wrong with the syntax of a template."""

import re
from collections.abc import Callable

from flowc.compiler.expressions.errors import ExpressionError
from flowc.compiler.expressions.foreign import ASSIGNMENT, find_foreign

_CLOSE = "Each {{ needs its }}, each {% its %}, and each ( [ { its ) ] }."
_JOIN = "Join texts with ~ and conditions with and or or; put a filter after |."
_LANGUAGE = (
    "`flowc explain invalid-expression` shows what can be written, `flowc filters` the words."
)
_ENDS = r"'?end of (?:print statement|statement block|template)'?"


def syntax_error(source: str, message: str | None) -> ExpressionError:
    """Return the error for a template that Jinja's parser refuses with this message.

    >>> found = syntax_error("{{ a b }}", "expected token 'end of print statement', got 'b'")
    >>> print(found)
    the syntax is wrong: 'b' cannot follow a complete expression
    """
    theirs = (message or "").rstrip(".")
    foreign = find_foreign(source)
    if foreign is None and "'='" in theirs:
        foreign = ExpressionError(*ASSIGNMENT)
    if foreign is not None:
        return foreign
    for pattern, words, hint in _WORDS:
        match = re.fullmatch(pattern, theirs, re.DOTALL)
        if match is not None:
            return ExpressionError(f"the syntax is wrong: {words(match)}", hint)
    return ExpressionError("the syntax is wrong", _LANGUAGE)


def _fixed(words: str) -> Callable[[re.Match[str]], str]:
    return lambda match: words


# The message of Jinja's parser, the words instead of it, and the hint.
_WORDS: tuple[tuple[str, Callable[[re.Match[str]], str], str], ...] = (
    (r"unexpected end of template.*", _fixed("a {{ or {% is not closed"), _CLOSE),
    (
        r"Missing end of comment tag",
        _fixed("a {# has no closing #}"),
        "Write #} after the comment.",
    ),
    (
        r"Missing end of raw directive",
        _fixed("a {% raw %} has no {% endraw %}"),
        "Write {% endraw %} after the text.",
    ),
    (
        r"unexpected char [\"']([\"'])[\"'] at .*",
        _fixed("a text has no closing quote"),
        "Write 'text' or \"text\"; in a text in 'quotes', write \\' for a quote.",
    ),
    (
        r"unexpected char '(.+)' at .*",
        lambda m: f"the character {m[1]!r} has no meaning here",
        "Put texts into quotes: 'text'.",
    ),
    (
        rf"Expected an expression, got {_ENDS}",
        _fixed("there is no expression"),
        "Write what the value is: {{input.name}}; {% raw %} keeps braces as text.",
    ),
    (
        r"expected name or number",
        _fixed("a name is missing after ."),
        "After . there is the name of a field.",
    ),
    (
        r"expected token 'name', got (.*)",
        lambda m: f"a name is missing before {_named(m[1])}",
        "After . there is the name of a field, and after | the name of a filter.",
    ),
    (
        rf"expected token {_ENDS}, got '?(.*?)'?",
        lambda m: f"{m[1][:60]!r} cannot follow a complete expression",
        _JOIN,
    ),
    (
        r"expected token 'in', got (.*)",
        lambda m: f"'in' is missing before {_named(m[1])}",
        "For example {% for item in input.items %}.",
    ),
    (
        r"Encountered unknown tag '(\w+)'.*",
        lambda m: f"{{% {m[1]} %}} cannot be here",
        "In an {% if %}, each {% elif %} is before the {% else %}.",
    ),
    (
        r"expected token (.*), got (.*)",
        lambda m: f"{m[1]} is missing before {_named(m[2])}",
        _CLOSE,
    ),
    (r"unexpected '(.)', expected '(.)'", lambda m: f"'{m[2]}' is missing before '{m[1]}'", _CLOSE),
    (r"unexpected '([)\]}])'", lambda m: f"'{m[1]}' closes nothing", _CLOSE),
    (
        rf"unexpected {_ENDS}",
        _fixed("the expression ends too early"),
        "Write the value that is missing at the end.",
    ),
    (
        r"unexpected '(.*)'",
        lambda m: f"{m[1][:60]!r} cannot be here",
        "Write a value before it and after it.",
    ),
    (
        r"can't assign to '?(.*?)'?",
        lambda m: f"{m[1][:60]!r} cannot be set",
        "Set a variable with another name: {% set name = … %}.",
    ),
    (
        r"invalid syntax for function call expression",
        _fixed("the arguments of a call are in the wrong order"),
        "Write the named arguments last.",
    ),
)


def _named(token: str) -> str:
    return "the end" if re.fullmatch(_ENDS, token) else token
