"""Finds the label that a model's answer names, however the model writes it."""

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

# Longest sentence in which a label is looked for; longer ones are about more than the label.
_MAX_SENTENCE = 300
_TRIMMED = "`<>~|"
# Part of names such as C# and R&D, so they distinguish labels.
_KEPT = "#&%@"
_DENIALS = re.compile(
    r"\b(?:not|no|nor|none|neither|cannot|\w+n['\N{RIGHT SINGLE QUOTATION MARK}]t)\b"
)
_CONFIDENCES = ("confidence", "score", "probability", "certainty")
_NUMBER = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*(%?)\s*")
_WIDE = frozenset("WF")


class LabelAnswer(NamedTuple):
    """The label that an answer names, and how sure the model is, from 0 to 1; None if unclear."""

    label: str | None
    confidence: float | None


class KnownLabels:
    """The labels of a node, and the other names of each.

    >>> known = KnownLabels({"billing": ["invoice"], "technical": []})
    >>> known.named(" Billing."), known.named("INVOICE"), known.named("shipping")
    ('billing', 'billing', None)
    """

    def __init__(self, synonyms: Mapping[str, Iterable[str]]) -> None:
        self._names = {name: label for label, more in synonyms.items() for name in more}
        self._names |= {label: label for label in synonyms}

    def named(self, text: str) -> str | None:
        """Return the label that a text is, apart from case, punctuation and blanks.

        The strictest comparison decides, so labels can differ in case alone.
        """
        for compared_by in _WAYS:
            wanted = compared_by(text)
            found = {label for name, label in self._names.items() if compared_by(name) == wanted}
            if wanted and found:
                return found.pop() if len(found) == 1 else None
        return None

    def mentioned(self, text: str) -> str | None:
        """Return the only label in a short sentence that denies nothing.

        >>> known = KnownLabels({"support": [], "tech support": []})
        >>> known.mentioned("I choose: Tech Support"), known.mentioned("It is not support.")
        ('tech support', None)
        """
        plain = _folded(text)
        if len(plain) > _MAX_SENTENCE or _DENIALS.search(plain):
            return None
        found = {self._names_folded[match.group()] for match in self._any_name.finditer(plain)}
        return found.pop() if len(found) == 1 else None

    def read(self, data: Any, text: str) -> LabelAnswer:
        """Return what an answer says; `data` is the JSON in its `text`, or None."""
        if data is None:
            return LabelAnswer(self.named(text) or self.mentioned(text), None)
        if not isinstance(data, dict):
            return LabelAnswer(self._in(data), None)
        confidence = next((_share(data[key]) for key in _CONFIDENCES if key in data), None)
        if "label" in data:
            return LabelAnswer(self._in(data["label"]), confidence)
        if scores := self._scores(data):
            best = max(scores, key=lambda label: scores[label])
            is_clear = list(scores.values()).count(scores[best]) == 1 and scores[best] > 0
            return LabelAnswer(best if is_clear else None, scores[best])
        texts = [each for each in data.values() if isinstance(each, str)]
        found = {label for each in texts if (label := self.named(each)) is not None}
        return LabelAnswer(found.pop() if len(found) == 1 else None, confidence)

    def _in(self, value: Any) -> str | None:
        if isinstance(value, list):
            return self._in(value[0]) if len(value) == 1 else None
        if isinstance(value, dict):
            return self.read(value, "").label
        if value is None or isinstance(value, bool):
            return self.named(str(value))
        return self.named(str(value)) or self.mentioned(str(value))

    def _scores(self, data: Mapping[str, Any]) -> dict[str, float]:
        """Return the score of each label, if the answer has nothing but labels with scores."""
        labels = {key: self.named(key) for key in data}
        scores = {label: _share(data[key]) for key, label in labels.items() if label is not None}
        found = {label: score for label, score in scores.items() if score is not None}
        return found if len(found) == len(data) else {}

    @cached_property
    def _names_folded(self) -> dict[str, str]:
        return {_folded(name): label for name, label in self._names.items()}

    @cached_property
    def _any_name(self) -> re.Pattern[str]:
        # The longest first: "tech support" is not a mention of "support".
        names = sorted(self._names_folded, key=len, reverse=True)
        return re.compile("|".join(_as_word(name) for name in names))


def _as_word(name: str) -> str:
    """Return the pattern of a whole word; languages without spaces have none."""
    before = "" if _is_wide(name[:1]) else r"(?<!\w)"
    after = "" if _is_wide(name[-1:]) else r"(?!\w)"
    return f"{before}{re.escape(name)}{after}"


def _is_wide(letter: str) -> bool:
    return bool(letter) and unicodedata.east_asian_width(letter) in _WIDE


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _trimmed(text: str) -> str:
    folded = _folded(text)
    start, end = 0, len(folded)
    while start < end and _is_trimmed(folded[start]):
        start += 1
    while start < end and _is_trimmed(folded[end - 1]):
        end -= 1
    return folded[start:end]


def _is_trimmed(letter: str) -> bool:
    is_sign = unicodedata.category(letter).startswith("P") and letter not in _KEPT
    return letter.isspace() or letter in _TRIMMED or is_sign


def _letters(text: str) -> str:
    """Return letters and digits alone, without the accents of European languages."""
    plain = unicodedata.normalize("NFKD", _folded(text))
    bare = "".join(each for each in plain if not "\u0300" <= each <= "\u036f")
    return "".join(each for each in unicodedata.normalize("NFC", bare) if _is_letter(each))


def _is_letter(letter: str) -> bool:
    # Marks are vowels in Indian scripts, and differ from the accents that were removed.
    return unicodedata.category(letter)[0] in "LNM"


_WAYS: tuple[Callable[[str], str], ...] = (str, _folded, _trimmed, _letters)


def _share(value: Any) -> float | None:
    """Return a confidence as a number from 0 to 1; None if it is not clear what it means.

    >>> _share(0.9), _share("90%"), _share(95), _share("high"), _share(7)
    (0.9, 0.9, 0.95, None, None)
    """
    if isinstance(value, str):
        found = _NUMBER.fullmatch(value)
        if found is None:
            return None
        number = float(found.group(1))
        value = number / 100 if found.group(2) else number
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    if 10 < value <= 100:
        # Percent. Up to 10 it could as well be of 5 or of 10 points.
        return float(value) / 100
    return float(value) if 0 <= value <= 1 else None
