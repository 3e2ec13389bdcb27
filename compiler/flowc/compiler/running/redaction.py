"""Removes secrets from everything that is stored or shown."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

from flowc.compiler.running.secret_forms import MIN_LENGTH, forms_of

__all__ = ["MASK", "MIN_LENGTH", "KnownSecrets", "Redactor", "StreamRedactor"]

MASK = "[secret]"
# One automaton of more forms than these takes more memory than it may have.
_FORMS_TOGETHER = 250
_MAX_MEMORY = 64 << 20


class Redactor:
    """Replaces secrets in text and JSON, also in encodings in which a service may echo them.

    >>> redactor = Redactor(["sesame-42"])
    >>> redactor.text("Bearer sesame-42 is invalid")
    'Bearer [secret] is invalid'
    >>> redactor.json({"url": "https://e.com/?k=sesame-42", "hex": "sesame-42".encode().hex()})
    {'url': 'https://e.com/?k=[secret]', 'hex': '[secret]'}
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self.secrets = frozenset(secrets)
        self.forms = frozenset(form for secret in self.secrets for form in forms_of(secret))

    def __bool__(self) -> bool:
        return bool(self.forms)

    def text(self, value: str) -> str:
        """Return the text with every secret replaced."""
        if not self.forms or not value:
            return value
        raw = value.encode("utf-8", "surrogatepass")
        found = self.content(raw)
        return value if found is raw else found.decode("utf-8", "surrogatepass")

    def content(self, value: bytes) -> bytes:
        """Return the bytes of a text with every secret replaced; the same object if there are none.

        >>> Redactor(["sesame-42"]).content(b"key: sesame-42")
        b'key: [secret]'
        """
        for pattern in self._patterns:
            if pattern.search(value) is not None:
                value = pattern.sub(MASK.encode(), value)
        return value

    def json(self, value: Any) -> Any:
        """Return plain JSON with every secret in its texts and keys replaced."""
        if not self.forms:
            return value
        if isinstance(value, str):
            return self.text(value)
        # What nodes return may have tuples, which are stored as lists.
        if isinstance(value, list | tuple):
            return [self.json(item) for item in value]
        if isinstance(value, Mapping):
            return {self.text(key): self.json(item) for key, item in value.items()}
        return value

    def also(self, secrets: Iterable[str]) -> "Redactor":
        """Return a redactor that replaces these, too."""
        more = self.secrets.union(secrets)
        return self if more == self.secrets else Redactor(more)

    @cached_property
    def _patterns(self) -> list[Any]:
        # The longest first: a form may be part of another.
        ordered = sorted(self.forms, key=lambda form: (-len(form), form))
        parts = range(0, len(ordered), _FORMS_TOGETHER)
        return [_compiled(ordered[start : start + _FORMS_TOGETHER]) for start in parts]

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self.forms)

    def length_to_hold(self, text: str) -> int:
        """Return the length of the longest end of a text with which a form of a secret begins.

        >>> Redactor(["sesame-42"]).length_to_hold("open, ses")
        3
        """
        longest = max(map(len, self.forms), default=1) - 1
        for length in range(min(len(text), longest), 0, -1):
            end = text[-length:]
            place = bisect_left(self._sorted, end)
            if place < len(self._sorted) and self._sorted[place].startswith(end):
                return length
        return 0


class StreamRedactor:
    """Passes on a text that arrives in pieces, with secrets replaced.

    A secret can be split between pieces: an end that could be the beginning of one is held back
    until the next piece shows whether it is. `redactor` can be replaced by one that knows more.
    """

    def __init__(self, redactor: Redactor, on_text: Callable[[str], None]) -> None:
        self.redactor, self._on_text = redactor, on_text
        self._held = ""

    def __call__(self, piece: str) -> None:
        """Add a piece."""
        text = self.redactor.text(self._held + piece)
        length = len(text) - self.redactor.length_to_hold(text)
        self._held = text[length:]
        if length:
            self._on_text(text[:length])

    def flush(self) -> None:
        """Pass on what is held back, at the end of the text: it was no secret."""
        held, self._held = self._held, ""
        if held:
            self._on_text(held)


class KnownSecrets:
    """The secrets that were read so far: its `redactor` removes them from what is stored and shown.

    Those of a process know the secrets of all its runs, so that one run does not show what another
    has sent to a service.
    """

    def __init__(self, wider: "KnownSecrets | None" = None) -> None:
        self.redactor, self._wider = Redactor(), wider

    def add(self, secrets: Iterable[str]) -> None:
        """Remember secrets, also among the `wider` ones."""
        found = frozenset(secrets)
        self.redactor = self.redactor.also(found)
        if self._wider is not None:
            self._wider.add(found)


def _compiled(forms: list[str]) -> Any:
    # Imported when it is used: most runs have no secret.
    import re2  # noqa: PLC0415

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = _MAX_MEMORY
    options.log_errors = False
    raw = (form.encode("utf-8", "surrogatepass") for form in forms)
    return re2.compile(b"|".join(map(re2.escape, raw)), options)
