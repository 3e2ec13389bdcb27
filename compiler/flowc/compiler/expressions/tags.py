"""Checks the statements of a text, `{% … %}`: which there are, and that each one is closed."""

from collections.abc import Iterable
from difflib import get_close_matches

from flowc.compiler.expressions.errors import ExpressionError

MAX_BLOCKS = 15

# What begins a block, and what ends it.
_ENDS = {"if": "endif", "for": "endfor", "with": "endwith", "set": "endset"}
_INNER = {"elif": ("if",), "else": ("if", "for")}
STATEMENTS = (*_ENDS, *_ENDS.values(), *_INNER, "raw", "endraw")

_FUNCTIONS = "Write the text where it is used, or set a variable with {% set %}."
_FILES = "A text is complete by itself. Put shared text into the workflow's variables."
_REFUSED = {
    "macro": _FUNCTIONS,
    "call": _FUNCTIONS,
    "include": _FILES,
    "import": _FILES,
    "from": _FILES,
    "extends": _FILES,
    "block": _FILES,
    "filter": "Write {% set text %}…{% endset %}{{ text|upper }}.",
    "do": "Write {% set name = … %}.",
    "autoescape": "Text is never escaped by itself; use |escape.",
    "break": "Choose the items before: {% for item in list if … %}.",
    "continue": "Choose the items before: {% for item in list if … %}.",
    "trans": "Texts are not translated.",
    "elseif": "Write {% elif … %}.",
    "elsif": "Write {% elif … %}.",
    "end": "Write {% endif %} or {% endfor %}.",
}


def check_tags(tokens: Iterable[tuple[int, str, str]]) -> None:
    """Raise ExpressionError if a statement is not available, or is not closed."""
    open_blocks: list[tuple[str, int]] = []
    words: list[str] = []
    line = 0
    for number, kind, value in tokens:
        if kind == "block_begin":
            words, line = [], number
        elif kind == "block_end":
            _check_tag(words, line, open_blocks)
            if len(open_blocks) > MAX_BLOCKS:
                raise ExpressionError(f"statements are nested more than {MAX_BLOCKS} levels deep")
        elif kind != "whitespace":
            words.append(value)
    if open_blocks:
        name, line = open_blocks[-1]
        raise ExpressionError(
            f"{{% {name} %}}{_on(line)} is not closed", f"Write {{% {_ENDS[name]} %}} after it."
        )


def _on(line: int) -> str:
    return f" on line {line}" if line > 1 else ""


def _check_tag(words: list[str], line: int, open_blocks: list[tuple[str, int]]) -> None:
    if not words:
        raise ExpressionError(f"a {{% %}}{_on(line)} is empty")
    name = words[0]
    around = open_blocks[-1][0] if open_blocks else None
    if name not in STATEMENTS:
        raise _unknown(name, line)
    if name in _INNER and around not in _INNER[name]:
        owners = " or ".join(f"{{% {owner} %}}" for owner in _INNER[name])
        raise ExpressionError(f"{{% {name} %}}{_on(line)} is outside of {owners}")
    if name in _ENDS.values():
        if around is None or _ENDS[around] != name:
            raise _stray(name, line, around)
        open_blocks.pop()
    elif name in _ENDS and (name != "set" or "=" not in words):
        _require_more(words, line)
        open_blocks.append((name, line))


def _require_more(words: list[str], line: int) -> None:
    name = words[0]
    if len(words) == 1 and name != "with":
        raise ExpressionError(f"{{% {name} %}}{_on(line)} says nothing more", _examples(name))


def _examples(name: str) -> str:
    return {
        "if": "For example {% if input.is_new %}…{% endif %}.",
        "for": "For example {% for item in input.items %}…{% endfor %}.",
        "set": "For example {% set name = input.name %}.",
    }[name]


def _unknown(name: str, line: int) -> ExpressionError:
    if name.startswith("end") and name[3:] in _REFUSED:
        name = name[3:]
    if name in _REFUSED:
        return ExpressionError(
            f"the statement {name!r}{_on(line)} is not available", _REFUSED[name]
        )
    near = get_close_matches(name, STATEMENTS, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else "There are if, for, set, with and raw."
    return ExpressionError(f"there is no statement {name[:40]!r}{_on(line)}", hint)


def _stray(name: str, line: int, around: str | None) -> ExpressionError:
    if around is None:
        return ExpressionError(f"{{% {name} %}}{_on(line)} closes nothing")
    message = f"{{% {name} %}}{_on(line)} is where {{% {_ENDS[around]} %}} is expected"
    return ExpressionError(message)
