"""Finds references that are text here, because they are written as in another language."""

import re
from collections.abc import Iterator

from flowc.compiler.analysis.configuration import texts_in
from flowc.compiler.analysis.references import INNER_NAMES, NAMES
from flowc.compiler.analysis.scopes import Scope
from flowc.compiler.definition.schema_paths import names_in
from flowc.compiler.diagnostics import Problem, Replacement
from flowc.compiler.node import Role

_PATH = r"\s*([A-Za-z_][\w-]*)((?:\.\w+)*)\s*"
_DOLLAR = re.compile(rf"\$\{{{_PATH}\}}")
_SINGLE = re.compile(rf"(?<![{{$])\{{{_PATH}\}}(?!\}})")
# Comments, expressions and what is raw: no reference in them is meant as one.
_OTHER = re.compile(r"\{%-?\s*raw\b.*?\bendraw\s*-?%\}|\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


def check_foreign_texts(scope: Scope) -> Iterator[Problem]:
    """Yield the texts with `${name}` or `{input.name}` in them, where the name is known."""
    for name, kind in scope.types.items():
        node = scope.nodes[name]
        for path, text, marks in texts_in(kind, node.config):
            found = None if Role.RAW in marks else _foreign_reference(scope, _OTHER.sub("", text))
            if found is not None:
                written, reference = found
                at, new = node.config_at(*path), f"{{{{{reference}}}}}"
                message = f"{written!r} is text here: no value is filled in."
                offset, size = text.find(written), len(written)
                fix = (Replacement(at, new, offset=offset, length=size),)
                yield Problem(
                    "foreign-reference",
                    message,
                    at,
                    f"Write {new}.",
                    "warning",
                    offset=offset,
                    length=size,
                    replacements=fix if text.count(written) == 1 else (),
                )


def _foreign_reference(scope: Scope, text: str) -> tuple[str, str] | None:
    """Return the first foreign reference in a text, and how it is written here."""
    for pattern in (_DOLLAR, _SINGLE):
        for match in pattern.finditer(text):
            reference = _reference(scope, match[1], match[2])
            if reference is not None and (match[2] or pattern is _DOLLAR):
                return match[0].strip(), reference
    return None


def _reference(scope: Scope, root: str, rest: str) -> str | None:
    if root in NAMES | INNER_NAMES and rest:
        return root + rest
    if _is_node(scope, root):
        return root + (rest if rest.startswith(".output") else f".output{rest}")
    is_input = not rest and root in names_in(scope.whole.workflow.input)
    return f"input.{root}" if is_input else None


def _is_node(scope: Scope, name: str) -> bool:
    return name in scope.nodes or (scope.outer is not None and _is_node(scope.outer, name))
