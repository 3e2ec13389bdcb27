"""Filters on text: case, white space, length, lines, parts."""

import re
import textwrap
import unicodedata
from typing import Any

from flowc.compiler.expressions.errors import ExpressionError
from flowc.compiler.expressions.filters.word import Word
from flowc.compiler.expressions.frame import Frame
from flowc.compiler.expressions.values import (
    MAX_ITEMS,
    as_text,
    limited,
    require_few,
    require_room,
    text,
    whole,
)

_BETWEEN_WORDS = re.compile(r"([-\s({\[<]+)")
_WORD = re.compile(r"\w+")
# The standard library's wrapping takes too long for one piece of work beyond this.
_MOST_TO_WRAP = 100_000
_LONG = 10_000


def _title(value: Any) -> str:
    parts = _BETWEEN_WORDS.split(text(value))
    return limited("".join([part[:1].upper() + part[1:].lower() for part in parts]))


def _trim(value: Any, chars: Any = None) -> str:
    return text(value).strip(None if chars is None else text(chars))


def _replace(value: Any, old: Any, new: Any, count: Any = None) -> str:
    source, old, new = text(value), text(old), text(new)
    most = -1 if count is None else whole(count, "count")
    if not old:
        raise ExpressionError("replace needs a text to search for")
    found = source.count(old) if most < 0 else min(source.count(old), most)
    require_room(len(source) + found * max(len(new) - len(old), 0))
    return str(source.replace(old, new, most))


def _truncate(
    value: Any, length: Any = 255, killwords: Any = False, end: Any = "...", leeway: Any = 5
) -> str:
    shown, end = as_text(value), text(end)
    most, more = whole(length, "length"), whole(leeway, "leeway")
    if most < len(end) or more < 0:
        raise ExpressionError(f"the length must be at least {len(end)}, and leeway at least 0")
    if len(shown) <= most + more:
        return shown
    cut = shown[: most - len(end)]
    return (cut if killwords else cut.rsplit(" ", 1)[0]) + str(end)


def _center(value: Any, width: Any = 80) -> str:
    return text(value).center(whole(width, "width"))


def _pad(value: Any, width: Any, side: Any = "right", fill: Any = " ") -> str:
    if not isinstance(fill, str) or len(fill) != 1:
        raise ExpressionError("the text to fill up with must be one character")
    shown, size = as_text(value), whole(width, "width")
    if side not in ("left", "right"):
        raise ExpressionError("the side is 'left' or 'right'")
    return shown.ljust(size, fill) if side == "right" else shown.rjust(size, fill)


def _indent(
    frame: Frame, value: Any, width: Any = 4, first: Any = False, blank: Any = False
) -> str:
    margin = width if isinstance(width, str) else " " * whole(width, "width", 1000)
    lines = (text(value) + "\n").splitlines()
    require_room(len(value) + len(margin) * len(lines))
    frame.budget.spend(len(lines))
    out = [
        margin + line if (number or first) and (line or blank or not number) else line
        for number, line in enumerate(lines)
    ]
    return "\n".join(out)


def _wordwrap(
    frame: Frame,
    value: Any,
    width: Any = 79,
    break_long_words: Any = True,
    wrapstring: Any = "\n",
    break_on_hyphens: Any = True,
) -> str:
    frame.budget.spend(2 * len(text(value)))
    if len(value) > _MOST_TO_WRAP:
        raise ExpressionError(f"wordwrap takes at most {_MOST_TO_WRAP:,} characters")
    if whole(width, "width") < 1:
        raise ExpressionError("the width must be at least 1")
    wrapper = textwrap.TextWrapper(
        width,
        expand_tabs=False,
        replace_whitespace=False,
        break_long_words=bool(break_long_words),
        break_on_hyphens=bool(break_on_hyphens),
    )
    lines = [line for each in value.splitlines() for line in wrapper.wrap(each) or [""]]
    require_room(len(value) + len(lines) * len(text(wrapstring)))
    return str(wrapstring).join(lines)


def _split(value: Any, separator: Any = None, maxsplit: Any = -1) -> list[str]:
    source, most = text(value), whole(maxsplit, "maxsplit")
    if separator is None:
        return source.split(None, most)
    if not text(separator):
        raise ExpressionError("split needs a text to split at", "|list gives the characters.")
    require_few(source.count(separator) if most < 0 else 0)
    return source.split(separator, min(most, MAX_ITEMS))


def _startswith(value: Any, prefix: Any) -> bool:
    return text(value).startswith(text(prefix))


def _endswith(value: Any, suffix: Any) -> bool:
    return text(value).endswith(text(suffix))


def _slug(value: Any, separator: Any = "-") -> str:
    plain = unicodedata.normalize("NFKD", text(value)[:10_000]).encode("ascii", "ignore").decode()
    return text(separator)[:10].join(re.findall(r"[a-z0-9]+", plain.lower()))


_DIRECTIVE = re.compile(
    r"%(?:\((\w+)\))?([-+ #0]*)([0-9]{0,4})(?:\.([0-9]{0,4}))?([diouxXeEfFgGcrsa%])"
)


def _format(frame: Frame, value: Any, *args: Any, **named: Any) -> str:
    """Fill in the directives of C's printf; without those that take their width from a value."""
    out, at, used = [], 0, 0
    source = text(value)
    frame.budget.spend(len(source))
    for found in _DIRECTIVE.finditer(source):
        if "%" in source[at : found.start()]:
            break
        out.append(source[at : found.start()])
        at = found.end()
        name, flags, width, precision, kind = found.groups()
        if kind == "%":
            out.append("%")
            continue
        if name is None:
            used += 1
        given = (
            named.get(name) if name is not None else args[used - 1] if used <= len(args) else None
        )
        if (name is not None and name not in named) or (name is None and used > len(args)):
            raise ExpressionError(f"format has no value for {found[0]!r}")
        shown = as_text(given) if kind in "rsa" else given
        point = "" if precision is None else f".{precision}"
        out.append(_formatted(f"%{flags}{width}{point}{'s' if kind in 'ra' else kind}", shown))
    rest = source[at:]
    if "%" in rest:
        raise ExpressionError(f"format does not know {rest[rest.index('%') :][:10]!r}")
    if used < len(args):
        raise ExpressionError("format has more values than the text has places")
    out.append(rest)
    require_room(sum(map(len, out)))
    return "".join(out)


def _formatted(directive: str, value: Any) -> str:
    if isinstance(value, bool):
        raise ExpressionError(f"boolean does not fit {directive!r}")
    try:
        return directive % (value,)
    except (TypeError, ValueError, OverflowError):
        raise ExpressionError(f"the value does not fit {directive!r}") from None


def _upper(value: Any) -> str:
    shown = value.upper() if type(value) is str else text(value).upper()
    return shown if len(shown) <= _LONG else limited(shown)


def _lower(value: Any) -> str:
    shown = value.lower() if type(value) is str else text(value).lower()
    return shown if len(shown) <= _LONG else limited(shown)


def _capitalize(value: Any) -> str:
    return limited(text(value).capitalize())


def _wordcount(frame: Frame, value: Any) -> int:
    frame.budget.spend(len(text(value)) >> 2)
    return sum(1 for _ in _WORD.finditer(text(value)))


WORDS = (
    Word("capitalize", _capitalize, "the text with its first character upper case, the rest lower",
         (("'hello World'|capitalize", '"Hello world"'),),
         takes="text", gives="text", is_jinjas=True),
    Word("center", _center, "the text in the middle of a line of `width` characters",
         (("'ab'|center(6)", '"  ab  "'),), takes="text", gives="text", is_jinjas=True),
    Word("endswith", _endswith, "whether the text ends with another",
         (("'a.pdf'|endswith('.pdf')", "true"),), takes="text", gives="boolean"),
    Word("format", _format,
         "the text with its printf directives (`%s`, `%5.2f`, `%(name)s`) filled in",
         (("'%s costs %.2f'|format('tea', 2.5)", '"tea costs 2.50"'),
          ("'%(a)03d'|format(a=7)", '"007"')), takes="text", gives="text", is_jinjas=True),
    Word("indent", _indent,
         "the text with every line after the first moved right by `width` spaces, or by a text; "
         "`first` moves the first one, `blank` empty ones too",
         (("'a\\nb'|indent(2)", '"a\\n  b"'), ("'a\\nb'|indent('> ', first=true)", '"> a\\n> b"')),
         takes="text", gives="text", is_jinjas=True),
    Word("lower", _lower, "the text in lower case", (("'Ada'|lower", '"ada"'),),
         takes="text", gives="text", is_jinjas=True),
    Word("pad", _pad, "the value as text, filled up to `width` characters on one side",
         (("7|pad(3, 'left', '0')", '"007"'), ("'ab'|pad(4)", '"ab  "')), gives="text"),
    Word("replace", _replace, "the text with every `old` replaced, or the first `count` of them",
         (("'a-b-c'|replace('-', '/')", '"a/b/c"'), ("'a-b-c'|replace('-', '/', 1)", '"a/b-c"')),
         takes="text", gives="text", is_jinjas=True),
    Word("slug", _slug, "the text as part of an address: lower case letters, digits, separators",
         (("'Crème brûlée & Tea'|slug", '"creme-brulee-tea"'),), takes="text", gives="text"),
    Word("split", _split,
         "the parts of the text between `separator`s; without one, its words",
         (("'a,b,c'|split(',')", '["a", "b", "c"]'), ("'a  b'|split", '["a", "b"]'),
          ("'a,b,c'|split(',', 1)", '["a", "b,c"]')), takes="text", gives="list"),
    Word("startswith", _startswith, "whether the text begins with another",
         (("'INV-7'|startswith('INV')", "true"),), takes="text", gives="boolean"),
    Word("title", _title, "the text with each word capitalized",
         (("'ada lovelace'|title", '"Ada Lovelace"'), ("\"it's\"|title", '"It\'s"')),
         takes="text", gives="text", is_jinjas=True),
    Word("trim", _trim, "the text without white space, or `chars`, at its ends",
         (("'  Ada '|trim", '"Ada"'), ("'--a--'|trim('-')", '"a"')),
         takes="text", gives="text", is_jinjas=True),
    Word("truncate", _truncate,
         "the text cut to `length` characters with `end` included, at a word unless `killwords`; a "
         "text that is at most `leeway` longer stays as it is",
         (("'the quick brown fox'|truncate(13)", '"the quick..."'),
          ("'Lovelace'|truncate(5, true, '…', 0)", '"Love…"')), gives="text", is_jinjas=True),
    Word("upper", _upper, "the text in upper case", (("'Ada'|upper", '"ADA"'),),
         takes="text", gives="text", is_jinjas=True),
    Word("wordcount", _wordcount, "the number of words", (("'to be or not'|wordcount", "4"),),
         takes="text", gives="number", is_jinjas=True),
    Word("wordwrap", _wordwrap, "the text with its lines broken at `width` characters",
         (("'one two three'|wordwrap(7)", '"one two\\nthree"'),),
         takes="text", gives="text", is_jinjas=True),
)  # fmt: skip
