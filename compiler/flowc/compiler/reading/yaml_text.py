"""Reads YAML text into plain data, with the place of every value and key in the text.

It builds on libyaml's event stream, which is fast and never recurses. Numbers, booleans and null
are those of YAML 1.2 and JSON, so `on` and `yes` are text:

>>> tree = read_yaml("{id: a, on: yes, tags: [b, c]}")
>>> tree.value
{'id': 'a', 'on': 'yes', 'tags': ['b', 'c']}
>>> tree.children["tags"].children[1].start, tree.keys["on"]
(27, (8, 10))
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from flowc.compiler.diagnostics import Position
from flowc.compiler.reading.yaml_hints import quoted_braces, yaml_hint

MAX_DEPTH = 100
# Reading this many values takes about a second; the largest workflow needs half of them.
MAX_VALUES = 100_000

# Where a key or a scalar begins, and where it ends.
KeyPlace = tuple[int, int]

# libyaml, or the same parser in Python where PyYAML was built without it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN_TAGS = {None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
_INTEGER = re.compile(r"[-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)+")
_WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip


class TextProblem(Exception):
    """The text is not YAML (or JSON) with plain data in it."""

    def __init__(
        self, code: str, message: str, at: Position | None = None, hint: str | None = None
    ) -> None:
        self.code, self.message, self.at, self.hint = code, message, at, hint
        super().__init__(message)


# Shared by all scalars, which are most of a document, to save memory.
_NO_CHILDREN: "dict[str | int, YamlTree]" = {}
_NO_KEYS: dict[str, KeyPlace] = {}


@dataclass(slots=True)
class YamlTree:
    """A value with its place, the trees of its items and the places of its keys.

    It is the text from `start` to `end`. `size` counts its values with aliases written out;
    `duplicate` is where the first repeated key is.
    """

    value: Any
    start: int
    end: int
    children: "dict[str | int, YamlTree]"
    keys: dict[str, KeyPlace]
    size: int = 1
    duplicate: int | None = None


def read_yaml(text: str, *, allow_duplicates: bool = False) -> YamlTree:
    """Read one YAML document; raise TextProblem for anything that is not plain JSON data."""
    try:
        return _Reader(text, allow_duplicates).document()
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        at = (mark.line + 1, mark.column + 1) if mark else None
        sentence = str(problem.problem or problem.context or "the text cannot be parsed")
        hint = yaml_hint(sentence, text, at[0]) if at else None
        raise TextProblem("invalid-yaml", f"This is not YAML: {sentence}.", at, hint) from None
    except yaml.reader.ReaderError as problem:
        before = text[: problem.position] if isinstance(problem.position, int) else ""
        at = (before.count("\n") + 1, len(before) - before.rfind("\n"))
        message = "The text contains a character that YAML does not allow."
        raise TextProblem("invalid-text", message, at) from None
    except (UnicodeError, yaml.YAMLError):
        raise TextProblem("invalid-text", "The text contains an invalid character.") from None


class _Reader:
    """Builds the tree from the event stream, with a stack instead of recursion.

    Each stack entry is an open list or object and, for an object, the key that waits for its value.
    """

    def __init__(self, text: str, allow_duplicates: bool) -> None:
        self.events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
        self.text = text
        self.allow_duplicates = allow_duplicates
        self.anchors: dict[str, YamlTree] = {}
        self.open_anchors: list[str | None] = []
        self.stack: list[tuple[YamlTree, list[tuple[str, Position]]]] = []
        self.duplicate: int | None = None
        # libyaml does not count the mark of a byte order.
        self.before = int(text.startswith("\ufeff"))

    def document(self) -> YamlTree:
        root: YamlTree | None = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent) and root is not None:
                raise TextProblem(
                    "invalid-yaml",
                    "A file must contain a single YAML document.",
                    _at(event),
                    "Put the other documents, after ---, into files of their own.",
                )
            done = self._take(event)
            if done is not None and not self.stack:
                root = done
        if root is None:
            raise TextProblem("invalid-yaml", "The text is empty.", (1, 1), "Start with `nodes:`.")
        root.duplicate = self.duplicate
        return root

    def _take(self, event: Any) -> YamlTree | None:
        """Process one event; return the tree that it completed, if it completed one."""
        if isinstance(event, yaml.ScalarEvent):
            if self._wants_key():
                self._key(event)
                return None
            start, end = self._span(event)
            tree = YamlTree(_scalar(event), start, end, _NO_CHILDREN, _NO_KEYS)
            return self._finish(tree, event.anchor, end)
        if isinstance(event, yaml.AliasEvent):
            _, end = self._marks(event)
            return self._finish(self._alias(event), None, end)
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._open(event)
            return None
        if isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            return self._close(event)
        return None

    def _span(self, event: Any) -> KeyPlace:
        """Return where a scalar begins, without a tag or an anchor before it, and where it ends."""
        start, end = self._marks(event)
        if event.anchor is not None or event.tag is not None:
            found = _PROPERTIES.match(self.text, start, end)
            start = found.end() if found is not None else start
        if event.style in {"|", ">"}:
            # A block ends where the next line begins, or the one after empty lines.
            end = start + len(self.text[start:end].rstrip())
        return start, end

    def _marks(self, event: Any) -> KeyPlace:
        return event.start_mark.index + self.before, event.end_mark.index + self.before

    def _close(self, event: Any) -> YamlTree:
        tree, _ = self.stack.pop()
        if event.end_mark.index > event.start_mark.index:
            # In other notations than brackets, it ends with its last item.
            tree.end = event.end_mark.index + self.before
        return self._finish(tree, self.open_anchors.pop(), tree.end)

    def _open(self, event: Any) -> None:
        if self._wants_key():
            hint = quoted_braces(self.text, _at(event)[0])
            raise TextProblem("invalid-yaml", "A key must be text.", _at(event), hint)
        if event.tag not in _PLAIN_TAGS:
            raise _meaningless(event)
        if len(self.stack) >= MAX_DEPTH:
            raise TextProblem(
                "document-too-deep",
                f"The document is nested more than {MAX_DEPTH} levels deep.",
                _at(event),
            )
        empty: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        start, end = self._marks(event)
        self.stack.append((YamlTree(empty, start, end, {}, {}), []))
        self.open_anchors.append(event.anchor)

    def _wants_key(self) -> bool:
        return (
            bool(self.stack) and isinstance(self.stack[-1][0].value, dict) and not self.stack[-1][1]
        )

    def _key(self, event: Any) -> None:
        tree, pending = self.stack[-1]
        # A mapping may merge several others, each with its own `<<`.
        if event.value in tree.keys and event.value != "<<":
            self.duplicate = self.duplicate or event.start_mark.index + self.before
            if not self.allow_duplicates:
                message = f"The key {event.value[:60]!r} appears twice in the same object."
                raise TextProblem("duplicate-key", message, _at(event))
        tree.keys[event.value] = self._span(event)
        pending.append((event.value, _at(event)))

    def _alias(self, event: Any) -> YamlTree:
        # An anchor is known once its value is complete, so a value cannot contain itself.
        if self._wants_key() or event.anchor not in self.anchors:
            message = f"The alias *{event.anchor} does not name a complete value before it."
            hint = f"Put a text with * into quotes, or write &{event.anchor} before the value."
            raise TextProblem("invalid-yaml", message, _at(event), hint)
        return self.anchors[event.anchor]

    def _finish(self, tree: YamlTree, anchor: str | None, end: int) -> YamlTree:
        """Add a value to the one around it, which it ends at `end` for the time being."""
        if anchor is not None:
            self.anchors[anchor] = tree
        if self.stack:
            parent, pending = self.stack[-1]
            parent.end = end
            self._attach(parent, pending, tree)
        return tree

    def _position(self, offset: int) -> Position:
        before = self.text[:offset]
        return before.count("\n") + 1, len(before) - before.rfind("\n")

    def _attach(
        self, parent: YamlTree, pending: list[tuple[str, Position]], tree: YamlTree
    ) -> None:
        # A small text with aliases of aliases can mean millions of values, so each use counts.
        parent.size += tree.size
        if parent.size > MAX_VALUES:
            message = f"With aliases written out, the document has more than {MAX_VALUES:,} values."
            raise TextProblem("document-too-large", message, self._position(tree.start))
        if isinstance(parent.value, list):
            parent.children[len(parent.value)] = tree
            parent.value.append(tree.value)
            return
        key, at = pending.pop()
        if key == "<<":
            _merge(parent, tree, at)
            return
        parent.children[key] = tree
        parent.value[key] = tree.value


def _merge(parent: YamlTree, tree: YamlTree, at: Position) -> None:
    """Apply the merge key `<<`: copy the entries of another mapping that this one lacks."""
    if not isinstance(tree.value, dict):
        raise TextProblem(
            "invalid-yaml", "The merge key << needs a mapping.", at, "Write <<: *name."
        )
    for key, child in tree.children.items():
        parent.value.setdefault(key, child.value)
        parent.children.setdefault(key, child)


def _at(event: Any) -> Position:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _scalar(event: Any) -> Any:
    text: str = event.value
    # Quotes, blocks and !!str say that it is text, whatever it looks like.
    if event.style in {"'", '"', "|", ">"} or event.tag == "tag:yaml.org,2002:str":
        return text
    if event.tag not in _PLAIN_TAGS:
        raise _meaningless(event)
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return _integer(text, event)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _NOT_FINITE.fullmatch(text):
        raise TextProblem("not-a-json-value", f"{text} is not a JSON value.", _at(event))
    return text


def _meaningless(event: Any) -> TextProblem:
    message = f"The tag {event.tag[:60]!r} is not allowed."
    return TextProblem("invalid-yaml", message, _at(event), "Leave the tag out, or use quotes.")


def _integer(text: str, event: Any) -> int:
    # Python refuses to convert thousands of digits, and takes long for hundreds of thousands.
    if len(text) > 100:
        raise TextProblem("number-too-large", "The number has too many digits.", _at(event))
    if text[:2] in {"0x", "0o"}:
        return int(text, 0)
    return int(text)
