"""Finds in a text what the rules of a guard name: private data, words, patterns."""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

PrivateData = Literal[
    "email", "phone", "credit_card", "iban", "ip_address", "us_ssn", "url", "secret"
]
# Longest text that is looked through, in characters.
MAX_GUARDED = 1_000_000


# Dates, addresses, and the form of numbers of American insurances.
_OTHER_NUMBERS = re.compile(
    r"\d{4}([-./])\d{1,2}\1\d{1,2}(?!\d)|\d{1,2}([-./])\d{1,2}\2\d{4}(?!\d)"
    r"|\d{1,3}(?:\.\d{1,3}){3}(?!\d)|\d{3}-\d{2}-\d{4}(?!\d)"
)


class FoundSpan(NamedTuple):
    """A part of a text that a rule names."""

    rule: str
    start: int
    end: int


def _has_luhn_digit(text: str) -> bool:
    """Return whether the last digit fits the others, as in the numbers of cards.

    >>> _has_luhn_digit("4111 1111 1111 1111"), _has_luhn_digit("4111 1111 1111 1112")
    (True, False)
    """
    digits = [int(each) for each in text if each.isdigit()][::-1]
    doubled = [sum(divmod(2 * each, 10)) for each in digits[1::2]]
    return 13 <= len(digits) <= 19 and (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _is_iban(text: str) -> bool:
    """Return whether the check digits of an account number fit.

    >>> _is_iban("DE89 3704 0044 0532 0130 00"), _is_iban("DE89 3704 0044 0532 0130 01")
    (True, False)
    """
    plain = "".join(text.split()).upper()
    number = "".join(str(int(each, 36)) for each in plain[4:] + plain[:4])
    return 15 <= len(plain) <= 34 and int(number) % 97 == 1


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_phone(text: str) -> bool:
    digits = sum(each.isdigit() for each in text)
    is_written = text.startswith(("+", "(", "0")) or any(each in " -./(" for each in text)
    return 7 <= digits <= 15 and is_written and not _OTHER_NUMBERS.match(text)


def _always(text: str) -> bool:
    return True


_PRIVATE: Mapping[str, tuple[str, Callable[[str], bool]]] = {
    "email": (r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}", _always),
    "url": (r"\bhttps?://[^\s<>\"']{1,2000}", _always),
    "secret": (
        r"\b(?:sk-[A-Za-z0-9_-]{16,200}|gh[pousr]_[A-Za-z0-9]{20,255}|AKIA[0-9A-Z]{16}"
        r"|xox[abprs]-[A-Za-z0-9-]{10,200}|AIza[A-Za-z0-9_-]{35}"
        r"|eyJ[A-Za-z0-9_-]{10,2000}\.[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,1000})"
        r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----",
        _always,
    ),
    "iban": (r"\b[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?\b", _is_iban),
    "credit_card": (r"(?<![\d.])\d(?:[ -]?\d){12,18}(?!\d)", _has_luhn_digit),
    "us_ssn": (r"(?<![\d-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])", _always),
    "ip_address": (
        r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:]{3,39})(?![\w:]|\.\d)",
        _is_address,
    ),
    "phone": (r"(?<![\w.])(?:\+|\(|\d)[\d ()./-]{5,22}\d(?!\w)", _is_phone),
}


class GuardRules(NamedTuple):
    """What a guard looks for: kinds of private data, words, and patterns by their names."""

    private: Sequence[str] = ()
    words: Sequence[str] = ()
    patterns: Mapping[str, str] = {}

    def spans(self, text: str) -> list[FoundSpan]:
        """Return what the rules find, in order; of parts that overlap, the first rule's."""
        found: list[FoundSpan] = []
        for span in self._all(text):
            if not any(span.start < other.end and other.start < span.end for other in found):
                found.append(span)
        return sorted(found, key=lambda span: span.start)

    def _all(self, text: str) -> Iterator[FoundSpan]:
        for kind in (each for each in _PRIVATE if each in self.private):
            pattern, is_one = _PRIVATE[kind]
            for match in re.finditer(pattern, text):
                if is_one(match.group()):
                    yield FoundSpan(kind, *match.span())
        if self.words:
            for start, end in _matches(_of_words(self.words), text):
                yield FoundSpan("word", start, end)
        for name, source in self.patterns.items():
            for start, end in _matches(source, text):
                yield FoundSpan(name, start, end)


def _of_words(words: Sequence[str]) -> str:
    """Return a pattern for whole words, in upper or lower case."""
    longest_first = sorted(words, key=len, reverse=True)
    return "(?i)" + "|".join(
        rf"\b{re.escape(each)}\b" if each.isascii() else re.escape(each) for each in longest_first
    )


def _matches(source: str, text: str) -> Iterator[tuple[int, int]]:
    for match in compiled_rule(source).finditer(text):
        if match.end() > match.start():
            yield match.span()


@lru_cache(maxsize=128)
def compiled_rule(source: str) -> Any:
    """Return a pattern that is matched in linear time; raise ValueError if it is not valid."""
    import re2  # noqa: PLC0415 - only guards with patterns need it

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(source, options)
    except re2.error as problem:
        raise ValueError(f"the pattern {source[:60]!r} is not valid: {problem}") from None


def masked(text: str, spans: Sequence[FoundSpan]) -> str:
    """Return a text with the name of its rule in place of each part.

    >>> masked("To a@b.test.", [FoundSpan("email", 3, 11)])
    'To [email].'
    """
    pieces, end = [], 0
    for span in spans:
        pieces += [text[end : span.start], f"[{span.rule}]"]
        end = span.end
    return "".join([*pieces, text[end:]])
