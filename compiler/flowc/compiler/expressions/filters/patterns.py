"""Filters with regular expressions, by an engine whose time grows only with the text's length."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from flowc.compiler.expressions.errors import ExpressionError
from flowc.compiler.expressions.filters.word import Word
from flowc.compiler.expressions.frame import Frame
from flowc.compiler.expressions.values import limited, require_few, require_room, text, whole

_MOST_PATTERN = 2000
# Of the size of the compiled expression times the bytes of the text; more may take minutes.
_MOST_WORK = 1 << 30
_PLACE = re.compile(r"\\(?:([0-9])|g<(\w+)>|(.))", re.DOTALL)


@lru_cache(512)
def _compiled(pattern: str, ignorecase: bool, multiline: bool) -> Any:
    # Imported when it is used: most workflows have no regular expression.
    import re2  # noqa: PLC0415 - see above

    if len(pattern) > _MOST_PATTERN:
        raise ExpressionError(f"a regular expression has at most {_MOST_PATTERN:,} characters")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 8 << 20
    flags = ("i" if ignorecase else "") + ("m" if multiline else "")
    try:
        return re2.compile((f"(?{flags})" if flags else "").encode() + pattern.encode(), options)
    except re2.error as problem:
        reason = problem.args[0] if problem.args else "it cannot be read"
        reason = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ExpressionError(
            f"the regular expression {pattern[:40]!r} is wrong: {reason[:100]}", _hint(pattern)
        ) from None


def _hint(pattern: str) -> str | None:
    if any(sign in pattern for sign in ("(?=", "(?!", "(?<=", "(?<!", r"\1", r"\2")):
        return "Look-around and back references are not available: they can take for ever."
    return None


def _prepared(
    frame: Frame, value: Any, pattern: Any, ignorecase: Any, multiline: Any
) -> tuple[Any, bytes]:
    """Return the compiled expression and the bytes of a text; raise ExpressionError if too long."""
    expression = _compiled(text(pattern), bool(ignorecase), bool(multiline))
    source = limited(text(value)).encode()
    work = expression.programsize * len(source)
    if work > _MOST_WORK:
        raise ExpressionError("the regular expression is too large for a text of this length")
    frame.budget.spend(work >> 8)
    return expression, source


def _found(
    frame: Frame, value: Any, pattern: Any, ignorecase: Any, multiline: Any
) -> Iterator[Any]:
    """Yield the matches in a text; each search may go through the rest of the text."""
    expression, source = _prepared(frame, value, pattern, ignorecase, multiline)
    for match in expression.finditer(source):
        yield match
        frame.budget.spend(4)
        if match.end() < len(source) - 4096:
            frame.budget.look_at_the_clock()


def _shown(group: bytes | None) -> str | None:
    return None if group is None else group.decode()


def _groups(match: Any) -> Any:
    """Return what was found: the groups of the expression if it has several, or the only one."""
    groups = [_shown(group) for group in match.groups()]
    if len(groups) > 1:
        return groups
    return groups[0] if groups else _shown(match[0])


def _regex_match(
    frame: Frame, value: Any, pattern: Any, ignorecase: Any = False, multiline: Any = False
) -> bool:
    expression, source = _prepared(frame, value, pattern, ignorecase, multiline)
    return expression.fullmatch(source) is not None


def _regex_search(
    frame: Frame, value: Any, pattern: Any, group: Any = 0, ignorecase: Any = False,
    multiline: Any = False,
) -> Any:  # fmt: skip
    match = next(_found(frame, value, pattern, ignorecase, multiline), None)
    if match is None:
        return None
    try:
        return _shown(match.group(group if isinstance(group, str) else whole(group, "group", 100)))
    except (IndexError, KeyError):
        raise ExpressionError(f"the regular expression has no group {str(group)[:40]!r}") from None


def _regex_findall(
    frame: Frame, value: Any, pattern: Any, ignorecase: Any = False, multiline: Any = False
) -> list[Any]:
    found = []
    for match in _found(frame, value, pattern, ignorecase, multiline):
        found.append(_groups(match))
        require_few(len(found))
    return found


def _regex_replace(
    frame: Frame, value: Any, pattern: Any, replacement: Any, count: Any = 0,
    *, ignorecase: Any = False, multiline: Any = False,
) -> str:  # fmt: skip
    most, source = whole(count, "count"), limited(text(value)).encode()
    out, at, room = [], 0, 0
    for number, match in enumerate(_found(frame, value, pattern, ignorecase, multiline), 1):
        out += [source[at : match.start()], _filled(text(replacement), match).encode()]
        room += len(out[-1]) + len(out[-2])
        require_room(room >> 2)
        at = match.end()
        if number == most:
            break
    out.append(source[at:])
    return limited(b"".join(out).decode())


def _filled(replacement: str, match: Any) -> str:
    """Return a replacement with `\\1` and `\\g<name>` filled in."""
    if "\\" not in replacement:
        return replacement

    def fill(place: re.Match[str]) -> str:
        number, name, other = place.groups()
        if other is not None:
            return {"n": "\n", "t": "\t"}.get(other, other)
        try:
            group = int(number) if number is not None else int(name) if name.isdigit() else name
            return _shown(match.group(group)) or ""
        except (IndexError, KeyError):
            raise ExpressionError(f"the regular expression has no group {place[0]!r}") from None

    return _PLACE.sub(fill, replacement)


def _regex_split(
    frame: Frame, value: Any, pattern: Any, maxsplit: Any = 0, ignorecase: Any = False,
    multiline: Any = False,
) -> list[str]:  # fmt: skip
    most, source = whole(maxsplit, "maxsplit"), limited(text(value)).encode()
    parts, at = [], 0
    for match in _found(frame, value, pattern, ignorecase, multiline):
        if match.end() == match.start():
            continue
        parts.append(source[at : match.start()].decode())
        at = match.end()
        require_few(len(parts))
        if len(parts) == most:
            break
    parts.append(source[at:].decode())
    return parts


WORDS = (
    Word("regex_findall", _regex_findall,
         "all parts of the text that a regular expression finds; with one group, what it finds, "
         "with several, a list of them for each",
         (("'a1 b22'|regex_findall('[0-9]+')", '["1", "22"]'),
          ("'a1 b22'|regex_findall('([a-z])([0-9]+)')", '[["a", "1"], ["b", "22"]]')),
         takes="text", gives="list"),
    Word("regex_match", _regex_match, "whether the whole text fits a regular expression",
         (("'INV-2026'|regex_match('INV-[0-9]{4}')", "true"),
          ("'inv-1'|regex_match('INV-.*', ignorecase=true)", "true")),
         takes="text", gives="boolean"),
    Word("regex_replace", _regex_replace,
         "the text with what a regular expression finds replaced; `\\1` is its first group",
         (("'2026-01-31'|regex_replace('(\\\\d+)-(\\\\d+)-(\\\\d+)', '\\\\3.\\\\2.\\\\1')",
           '"31.01.2026"'),), takes="text", gives="text"),
    Word("regex_search", _regex_search,
         "the first part of the text that a regular expression finds, or a `group` of it; null if "
         "there is none",
         (("'order 17 of 20'|regex_search('[0-9]+')", '"17"'),
          ("'id=7'|regex_search('id=([0-9]+)', 1)", '"7"'), ("'a'|regex_search('b')", "null")),
         takes="text", gives="text or null"),
    Word("regex_split", _regex_split, "the text in parts, cut where a regular expression fits",
         (("'a, b;c'|regex_split('[,;] *')", '["a", "b", "c"]'),), takes="text", gives="list"),
)  # fmt: skip
