"""Parses with Jinja2 so that trees and errors know where in the source they are."""

from collections.abc import Callable, Iterator

from jinja2 import Environment, nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.lexer import TokenStream

_Tokens = Iterator[tuple[int, str, str]]


class OffsetEnvironment(Environment):
    """Jinja2's parser with offsets in the place of line numbers.

    `place` returns where a character of the source is in what the author wrote, or -1.
    """

    def __init__(self, place: Callable[[int], int]) -> None:
        super().__init__(
            optimized=False, autoescape=False, keep_trailing_newline=True, cache_size=0
        )
        self.globals.clear()
        self.place = place

    def _tokenize(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> TokenStream:
        tokens = self.lexer.tokeniter(source, name, filename, state)
        placed = _with_offsets(source, tokens, self.place)
        return TokenStream(self.lexer.wrap(placed, name, filename), name, filename)


def _with_offsets(source: str, tokens: _Tokens, place: Callable[[int], int]) -> _Tokens:
    # Other ends of lines are replaced before the text is split, so that offsets would be wrong.
    is_known = "\r" not in source
    at = 0
    try:
        for _, kind, value in tokens:
            # White space that a `-` removes is in no token.
            at = max(at, source.find(value, at))
            yield place(at) if is_known else -1, kind, value
            at += len(value)
    except TemplateSyntaxError as problem:
        where = place(at) if is_known else -1
        raise TemplateSyntaxError(problem.message or "", where) from None


def offset_of(tree: nodes.Node) -> int | None:
    """Return where in the source a tree begins, or None if that is not known."""
    found, todo = list[int](), [tree]
    while todo:
        node = todo.pop()
        # Jinja2 gives no place to some, such as the right side of a comparison.
        found += [] if node.lineno is None else [node.lineno]
        todo += node.iter_child_nodes()
    least = min(found, default=-1)
    return least if least >= 0 else None
