"""Sets of letters, and texts with $names."""

import re
from typing import Any

ascii_lowercase = "abcdefghijklmnopqrstuvwxyz"
ascii_uppercase = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ascii_letters = ascii_lowercase + ascii_uppercase
digits = "0123456789"
hexdigits = digits + "abcdef" + "ABCDEF"
octdigits = "01234567"
punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
whitespace = " \t\n\r\x0b\x0c"
printable = digits + ascii_letters + punctuation + whitespace


def capwords(s: str, sep: Any = None) -> str:
    """Return a text with each word capitalised."""
    return (sep or " ").join([word.capitalize() for word in s.split(sep)])


class Template:
    """A text with $names."""

    def __init__(self, template: str) -> None:
        self.template = template

    def substitute(self, mapping: Any = None, **names: Any) -> str:
        """Return the text with values in place of its names; raise KeyError for a missing one."""
        return self._filled({**(mapping or {}), **names}, True)

    def safe_substitute(self, mapping: Any = None, **names: Any) -> str:
        """Return the text with the values that there are."""
        return self._filled({**(mapping or {}), **names}, False)

    def _filled(self, values: Any, is_strict: bool) -> str:
        found, end = [], 0
        for match in re.finditer(r"\$(?:(\$)|([a-zA-Z_]\w*)|\{([a-zA-Z_]\w*)\})", self.template):
            found.append(self.template[end : match.start()])
            end = match.end()
            name = match.group(2) or match.group(3)
            if match.group(1):
                found.append("$")
            elif is_strict or name in values:
                found.append(str(values[name]))
            else:
                found.append(match.group(0))
        return "".join(found) + self.template[end:]
