"""Translates regular expressions from JavaScript's form, which JSON Schema has, to that of RE2."""

from collections.abc import Callable

from flowc.compiler.schemas.refusals import BadSchema

# Characters of a pattern, and of its translation.
_MOST_CHARACTERS, _MOST_TRANSLATED = 10_000, 200_000
# RE2 repeats nothing more often than this in one go, and we nothing more often than the other.
_REPEATS_AT_ONCE, _MOST_REPEATS = 1000, 10_000
_CODE = "unsupported-pattern"
_SPACE = (
    r"\t\n\x{b}\f\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}"
)
_NOT_SPACE = (
    r"\x{0}-\x{8}\x{e}-\x{1f}!-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}"
    r"\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{fefe}\x{ff00}-\x{10ffff}"
)
# Names of Unicode's general categories, as JavaScript may write them out.
_CATEGORIES = {
    "Letter": "L", "Lowercase_Letter": "Ll", "Uppercase_Letter": "Lu", "Titlecase_Letter": "Lt",
    "Modifier_Letter": "Lm", "Other_Letter": "Lo", "Mark": "M", "Combining_Mark": "M",
    "Nonspacing_Mark": "Mn", "Spacing_Mark": "Mc", "Enclosing_Mark": "Me", "Number": "N",
    "Decimal_Number": "Nd", "digit": "Nd", "Letter_Number": "Nl", "Other_Number": "No",
    "Punctuation": "P", "punct": "P", "Connector_Punctuation": "Pc", "Dash_Punctuation": "Pd",
    "Open_Punctuation": "Ps", "Close_Punctuation": "Pe", "Initial_Punctuation": "Pi",
    "Final_Punctuation": "Pf", "Other_Punctuation": "Po", "Symbol": "S", "Math_Symbol": "Sm",
    "Currency_Symbol": "Sc", "Modifier_Symbol": "Sk", "Other_Symbol": "So", "Separator": "Z",
    "Space_Separator": "Zs", "Line_Separator": "Zl", "Paragraph_Separator": "Zp", "Other": "C",
    "Control": "Cc", "Format": "Cf",
}  # fmt: skip
_SAME = {mark: f"\\{mark}" for mark in "dDwWfnrt"} | {"0": r"\x{0}", "v": r"\x{b}"}
_ESCAPES_IN_CLASSES = {**_SAME, "s": _SPACE, "S": _NOT_SPACE, "b": r"\x{8}"}
_ESCAPES = {
    **_SAME, "s": f"[{_SPACE}]", "S": f"[{_NOT_SPACE}]", "b": r"\b", "B": r"\B",
    # As in Python: JavaScript has only `^` and `$`.
    "A": r"\A", "Z": r"\z", "z": r"\z",
}  # fmt: skip
_LOOKAROUND = {
    "(?=": "a lookahead", "(?!": "a negative lookahead",
    "(?<=": "a lookbehind", "(?<!": "a negative lookbehind",
}  # fmt: skip
_NO_LOOKAROUND = (
    "Say it with schemas: `allOf` with a `pattern` for each condition, and `not` for one that"
    " must not hold."
)
_NO_BACK_REFERENCE = "Write out the alternatives that it may repeat, such as `aa|bb`."


def as_re2(source: str) -> str:
    r"""Return a pattern in the form of RE2; raise BadSchema for what RE2 cannot do.

    >>> as_re2(r"^\u00e9\/[\d-]+$")
    '^\\x{e9}\\/[\\d-]+$'
    """
    if len(source) > _MOST_CHARACTERS:
        raise bad_pattern(source, f"it has more than {_MOST_CHARACTERS:,} characters")
    return _Translation(source).text()


def bad_pattern(source: str, why: str, hint: str | None = None) -> BadSchema:
    """Return the problem of a pattern that cannot be used."""
    short = source if len(source) <= 80 else f"{source[:80]}…"
    return BadSchema(f"the pattern {short!r} cannot be used: {why}", code=_CODE, hint=hint)


class _Translation:
    """One pass over a pattern, character by character.

    An example: `^\\u00e9(?<n>.{1,1500})$` becomes `^\\x{e9}(?:[^…]{1,1000}[^…]{0,500})$`, where
    `[^…]` is everything that is no end of a line.
    """

    def __init__(self, source: str) -> None:
        self._source, self._at = source, 0
        self._out: list[str] = []
        # Where in `_out` the groups begin that are still open, and the last thing to be repeated.
        self._open: list[int] = []
        self._last = 0

    def text(self) -> str:
        """Return the pattern as RE2 writes it; raise BadSchema."""
        steps: dict[str, Callable[[], None]] = {
            "\\": self._escape, "[": self._class, "(": self._group, ")": self._group_end,
            "{": self._repeat, ".": self._any,
        }  # fmt: skip
        while self._at < len(self._source):
            steps.get(self._source[self._at], self._plain)()
        return "".join(self._out)

    def _emit(self, text: str, length: int) -> None:
        self._last = len(self._out)
        self._out.append(text)
        self._at += length

    def _plain(self) -> None:
        mark = self._source[self._at]
        if mark in "*+?":
            # It belongs to what it repeats, which may be repeated again as a whole.
            self._out.append(mark)
            self._at += 1
        else:
            self._emit("\\]" if mark == "]" else mark, 1)

    def _any(self) -> None:
        self._emit(r"[^\n\r\x{2028}\x{2029}]", 1)

    def _group(self) -> None:
        rest = self._source[self._at : self._at + 4]
        for start, what in _LOOKAROUND.items():
            if rest.startswith(start):
                raise bad_pattern(
                    self._source, f"{what} ({start}…) needs a search without limit", _NO_LOOKAROUND
                )
        self._open.append(len(self._out))
        if rest.startswith("(?<") and ">" in self._source[self._at :]:
            length = self._source.index(">", self._at) + 1 - self._at
            self._out.append("(?:")
            self._at += length
        else:
            self._out.append("(")
            self._at += 1
        self._last = len(self._out)

    def _group_end(self) -> None:
        self._out.append(")")
        self._at += 1
        if self._open:
            self._last = self._open.pop()

    def _repeat(self) -> None:
        end = self._source.find("}", self._at)
        counts = self._source[self._at + 1 : end].split(",") if end > 0 else [""]
        is_count = len(counts) <= 2 and _is_number(counts[0])
        if not is_count or not (len(counts) == 1 or counts[1] == "" or _is_number(counts[1])):
            self._emit(r"\{", 1)
            return
        least = int(counts[0])
        most = least if len(counts) == 1 else int(counts[1]) if counts[1] else None
        self._at = end + 1
        if max(least, most or 0) > _MOST_REPEATS:
            raise bad_pattern(
                self._source, f"it repeats something more than {_MOST_REPEATS:,} times"
            )
        if max(least, most or 0) <= _REPEATS_AT_ONCE:
            self._out.append(self._source[self._source.rindex("{", 0, end) : end + 1])
            return
        repeated = "".join(self._out[self._last :])
        translated = "".join(_in_parts(repeated, least, most))
        if len(translated) > _MOST_TRANSLATED:
            raise bad_pattern(self._source, "its repetitions are too large together")
        self._out[self._last :] = [translated]

    def _class(self) -> None:
        self._at += 1
        is_negated = self._source.startswith("^", self._at)
        self._at += is_negated
        parts: list[str] = []
        while self._at < len(self._source) and self._source[self._at] != "]":
            mark = self._source[self._at]
            if mark == "\\":
                text, length = self._escaped(in_class=True)
            else:
                text, length = ("\\[" if mark == "[" else mark), 1
            parts.append(text)
            self._at += length
        if self._at >= len(self._source):
            raise bad_pattern(self._source, "a `[` has no `]`")
        if not parts:
            # In JavaScript, `[]` matches nothing, and `[^]` everything.
            text = r"[\x{0}-\x{10ffff}]" if is_negated else r"[^\x{0}-\x{10ffff}]"
        else:
            text = f"[{'^' if is_negated else ''}{''.join(parts)}]"
        self._emit(text, 1)

    def _escape(self) -> None:
        self._emit(*self._escaped(in_class=False))

    def _escaped(self, *, in_class: bool) -> tuple[str, int]:
        """Return the translation of the escape here, and its length."""
        mark = self._source[self._at + 1 : self._at + 2]
        known = (_ESCAPES_IN_CLASSES if in_class else _ESCAPES).get(mark)
        if known is not None:
            return known, 2
        longer = {
            "u": self._code_point, "x": self._code_point, "p": self._property, "P": self._property,
            "c": self._control,
        }.get(mark)  # fmt: skip
        if longer is not None:
            return longer(mark)
        if mark in {"k", *"123456789"}:
            what = f"a back reference (\\{mark}) needs a search without limit"
            raise bad_pattern(self._source, what, _NO_BACK_REFERENCE)
        if mark == "" or (mark.isascii() and mark.isalnum()):
            raise bad_pattern(self._source, f"the escape \\{mark} is not known")
        return (f"\\{mark}" if mark.isascii() else mark), 2

    def _control(self, mark: str) -> tuple[str, int]:
        letter = self._source[self._at + 2 : self._at + 3]
        if not (letter.isascii() and letter.isalpha()):
            raise bad_pattern(self._source, f"\\{mark} needs a letter")
        return f"\\x{{{ord(letter) % 32:x}}}", 3

    def _code_point(self, mark: str) -> tuple[str, int]:
        r"""Translate `\u0041`, `\u{41}`, `\x41` and the pair `\ud83d\ude00`."""
        source, at = self._source, self._at
        if mark == "u" and source.startswith("{", at + 2):
            end = source.find("}", at)
            digits, length = source[at + 3 : end], end + 1 - at
        else:
            size = 4 if mark == "u" else 2
            digits, length = source[at + 2 : at + 2 + size], 2 + size
            digits = digits if len(digits) == size else ""
        point = _hexadecimal(digits)
        if 0xD800 <= point < 0xDC00 and source.startswith("\\u", at + length):
            low = _hexadecimal(source[at + length + 2 : at + length + 6])
            if 0xDC00 <= low < 0xE000:
                point, length = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00), length + 6
        if not 0 <= point <= 0x10FFFF:
            raise bad_pattern(source, f"the escape {source[at : at + 6]} names no character")
        if 0xD800 <= point < 0xE000:
            raise bad_pattern(
                source, f"{source[at : at + 6]} is half of a character, and never in a text"
            )
        return f"\\x{{{point:x}}}", length

    def _property(self, mark: str) -> tuple[str, int]:
        source, at = self._source, self._at
        end = source.find("}", at)
        if not source.startswith("{", at + 2) or end < 0:
            raise bad_pattern(source, f"\\{mark} needs a category in braces, such as \\{mark}{{L}}")
        name = source[at + 3 : end].rpartition("=")[2]
        return f"\\{mark}{{{_CATEGORIES.get(name, name)}}}", end + 1 - at


def _in_parts(repeated: str, least: int, most: int | None) -> list[str]:
    """Return a repetition as several that RE2 allows.

    >>> _in_parts("a", 1, 1500)
    ['a{1}', 'a{0,1000}', 'a{0,499}']
    """
    parts: list[str] = []
    while least > 0:
        count = min(least, _REPEATS_AT_ONCE)
        parts.append(f"{repeated}{{{count}}}")
        least, most = least - count, None if most is None else most - count
    if most is None:
        return [*parts, f"{repeated}*"]
    while most > 0:
        count = min(most, _REPEATS_AT_ONCE)
        parts.append(f"{repeated}{{0,{count}}}")
        most -= count
    return parts


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _hexadecimal(digits: str) -> int:
    """Return a number, or -1 for what is none."""
    is_one = digits.isascii() and digits.isalnum() and len(digits) < 10
    try:
        return int(digits, 16) if is_one else -1
    except ValueError:
        return -1
