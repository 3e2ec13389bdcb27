"""Writes plain data as YAML that is read as the same data."""

import re
from typing import Any

import yaml

# Other texts could be numbers, dates or booleans to one reader or another.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z_./-]*( [A-Za-z_./-]+)*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def yaml_text(data: Any) -> str:
    """Return plain JSON data as YAML; long texts are blocks.

    >>> print(yaml_text({"name": "a b", "version": "1e3", "on": ["yes", "x\\ny\\n"]}), end="")
    name: a b
    version: "1e3"
    "on":
    - "yes"
    - |
      x
      y
    """
    return str(
        yaml.dump(data, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=100, indent=2)
    )


class _Writer(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        """Write each value where it is: an alias would only be hard to read."""
        return True


def _text(writer: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    is_plain = _PLAIN.fullmatch(text) is not None and text.lower() not in _WORDS
    quoted = None if is_plain else '"'
    return writer.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if _is_block(text) else quoted
    )


def _is_block(text: str) -> bool:
    """Return whether a text of several lines is the same as a block: nothing in it is invisible."""
    lines = text.split("\n")
    is_visible = all(line.isprintable() and line == line.rstrip() for line in lines)
    return len(lines) > 1 and is_visible and text[0] not in " \n"


_Writer.add_representer(str, _text)
