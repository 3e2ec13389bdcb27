"""Compiles filters, tests and calls of functions."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from jinja2 import nodes

from flowc.compiler.expressions.compilation import Compilation, CompileTree
from flowc.compiler.expressions.errors import ExpressionError, MissingValue
from flowc.compiler.expressions.evidence import (
    attribute_of,
    literals_in,
    path_in_text,
    use_beside,
    use_by,
    use_in_test,
)
from flowc.compiler.expressions.fields import Joiner
from flowc.compiler.expressions.filters import FILTERS, FUNCTIONS, TESTS, Word
from flowc.compiler.expressions.filters.choosers import (
    IF_MISSING,
    attribute_passes,
    chosen,
    mapped,
)
from flowc.compiler.expressions.filters.word import Apply, Prepare, applied, called, prepared
from flowc.compiler.expressions.foreign_calls import SAME_AS, instead_of
from flowc.compiler.expressions.frame import Evaluate, Frame
from flowc.compiler.expressions.references import Reference, ReferencePath
from flowc.compiler.expressions.values import kind_of

_CHOOSERS = frozenset({"select", "reject", "selectattr", "rejectattr"})
_RECORDED = frozenset({"now", "today", "uuid", "random"})
_USE_OF_ATTRIBUTE = {"sum": "number", "join": "string?"}


def _filter(compilation: Compilation, node: nodes.Filter) -> Evaluate:
    word, used_as = _known(FILTERS, node.name, "filter"), compilation.wanted
    # Unlike other filters, `default` works on a missing value, so it catches the failure.
    if word.name == "default":
        return _default(compilation, node, word, used_as)
    if word.name == "map" and node.args:
        return _mapped(compilation, node)
    if word.name in _CHOOSERS:
        return _chosen(compilation, node)
    value = compilation.compile(_value_of(node), use_by(word))
    _note_use(compilation, word)
    _note_attribute(compilation, node, attribute_of(word, node), _USE_OF_ATTRIBUTE.get(word.name))
    return applied(word, value, *_arguments(compilation, node, node.args, word.name))


def _note_attribute(
    compilation: Compilation,
    node: nodes.Filter,
    attribute: ReferencePath | None,
    used_as: str | None,
    literals: tuple[Any, ...] = (),
) -> None:
    """Note that a filter reads an attribute of each item; it skips or refuses items without."""
    item = compilation.items_read_by(_value_of(node)) if attribute else None
    if attribute and item is not None:
        compilation.note(Reference((*item, *attribute), True, used_as, literals))


def _value_of(node: nodes.Filter) -> nodes.Expr:
    # Only the statement {% filter %} has filters without a value, and that is refused before.
    assert node.node is not None
    return node.node


def _known(words: Mapping[str, Word], name: str, what: str) -> Word:
    word = words.get(name)
    if word is None:
        near = get_close_matches(name, words, n=3, cutoff=0.6)
        hint = _word_like(name, near)
        problem = ExpressionError(f"there is no {what} {name[:40]!r}", hint)
        problem.meant = (name, near[0]) if near and name not in SAME_AS else None
        raise problem
    return word


def _word_like(name: str, near: Sequence[str]) -> str:
    if name in SAME_AS:
        return f"Write {SAME_AS[name]}."
    if near:
        return f"Did you mean {' or '.join(map(repr, near))}?"
    return "`flowc filters` lists the filters and tests."


def _prepared(
    compilation: Compilation, word: Word, node: Any, given: Sequence[nodes.Expr]
) -> Prepare:
    _note_use(compilation, word)
    return prepared(word, *_arguments(compilation, node, given, word.name))


def _note_use(compilation: Compilation, word: Word) -> None:
    compilation.makes_moments |= word.makes_moments
    compilation.is_recorded |= word.name in _RECORDED


def _arguments(
    compilation: Compilation, node: Any, given: Sequence[nodes.Expr], name: str
) -> tuple[list[Evaluate], dict[str, Evaluate]]:
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise ExpressionError(f"the arguments of {name!r} must be written out, without *")
    named = {pair.key: compilation.compile(pair.value) for pair in node.kwargs}
    if len(named) < len(node.kwargs):
        raise ExpressionError(f"an argument of {name!r} is given twice")
    return [compilation.compile(argument) for argument in given], named


def _default(
    compilation: Compilation, node: nodes.Filter, word: Word, used_as: str | None
) -> Evaluate:
    options = _named(node)
    word.require_arguments(len(node.args), list(options))
    arguments = [*node.args, *[None] * (2 - len(node.args))]
    other = arguments[0] or options.get("default_value")
    is_wide = arguments[1] or options.get("boolean")
    beside = use_beside(other)
    value = compilation.guarded(_value_of(node), used_as if beside in {None, "string?"} else beside)
    instead = compilation.guarded(other) if other is not None else _no_text
    too = compilation.compile(is_wide) if is_wide is not None else _no

    def evaluate(frame: Frame) -> Any:
        try:
            found = value(frame)
        except MissingValue:
            return instead(frame)
        return found if found or not too(frame) else instead(frame)

    return evaluate


def _named(node: Any) -> dict[str, nodes.Expr]:
    return {pair.key: pair.value for pair in node.kwargs or ()}


def _no_text(frame: Frame) -> str:
    return ""


def _no(frame: Frame) -> bool:
    return False


def _mapped(compilation: Compilation, node: nodes.Filter) -> Evaluate:
    """Compile `map('filter', …)`."""
    name = _word_name(node.args[0], "map")
    word = _known(FILTERS, name, "filter")
    if word.name in _CHOOSERS | {"map"}:
        raise ExpressionError(f"map cannot apply {name!r}", "Use a {% for %} for lists in lists.")
    value = compilation.compile(_value_of(node), "array")
    prepare = _prepared(compilation, word, node, node.args[1:])
    return lambda frame: mapped(frame, value(frame), prepare(frame))


def _word_name(node: nodes.Expr, user: str) -> str:
    if not isinstance(node, nodes.Const) or not isinstance(node.value, str):
        raise ExpressionError(
            f"{user!r} needs the name of a filter or test in quotes", "For example map('upper')."
        )
    return node.value


def _chosen(compilation: Compilation, node: nodes.Filter) -> Evaluate:
    """Compile `select('test', …)`, `selectattr('attribute', 'test', …)` and their opposites."""
    name, given = node.name, list(node.args)
    value = compilation.compile(_value_of(node), "array")
    by_attribute = name.endswith("attr")
    if by_attribute and not given:
        raise ExpressionError(f"{name!r} needs an attribute", f"For example {name}('is_paid').")
    attribute = compilation.compile(given.pop(0)) if by_attribute else None
    test = _known(TESTS, _word_name(given[0], name), "test") if given else None
    if by_attribute and node.args:
        used_as = use_in_test(test.name, given[1:]) if test is not None else "boolean?"
        of_each = path_in_text(node.args[0])
        _note_attribute(compilation, node, of_each, used_as, tuple(literals_in(given[1:])))
    if test is None and node.kwargs:
        raise ExpressionError(f"{name!r} takes no named arguments")
    prepare = _prepared(compilation, test, node, given[1:]) if test is not None else _truth
    if attribute is None:
        return lambda frame: chosen(frame, name, value(frame), prepare(frame))
    if_missing = IF_MISSING.get(test.name if test is not None else "")

    def evaluate(frame: Frame) -> list[Any]:
        passes = attribute_passes(attribute(frame), prepare(frame), if_missing)
        return chosen(frame, name, value(frame), passes)

    return evaluate


def _truth(frame: Frame) -> Apply:
    return bool


def _test(compilation: Compilation, node: nodes.Test) -> Evaluate:
    word = _known(TESTS, node.name, "test")
    if word.name in {"defined", "undefined"}:
        word.require_arguments(len(node.args or ()), list(_named(node)))
        return _is_defined(compilation, node)
    value = compilation.compile(node.node, use_in_test(word.name, node.args or ()))
    return applied(word, value, *_arguments(compilation, node, node.args or (), word.name))


def _is_defined(compilation: Compilation, node: nodes.Test) -> Evaluate:
    wanted = node.name == "defined"
    value = compilation.guarded(node.node)

    def evaluate(frame: Frame) -> bool:
        try:
            value(frame)
            return wanted
        except MissingValue:
            return not wanted

    return evaluate


def _call(compilation: Compilation, node: nodes.Call) -> Evaluate:
    target = node.node
    if isinstance(target, nodes.Name) and target.name in compilation.locals:
        return _call_of_variable(compilation, node, target.name)
    if isinstance(target, nodes.Name) and target.name in FUNCTIONS:
        word = FUNCTIONS[target.name]
        _note_use(compilation, word)
        return called(word, *_arguments(compilation, node, node.args, word.name))
    if isinstance(target, nodes.Getattr) and _is_loop(compilation, target.node):
        return _call_of_loop(compilation, node, target.attr)
    raise ExpressionError("a call is not allowed", instead_of(node))


def _call_of_variable(compilation: Compilation, node: nodes.Call, name: str) -> Evaluate:
    if node.args or node.kwargs:
        raise ExpressionError(f"the variable {name[:40]!r} takes no arguments")
    read = compilation.compile(node.node)

    def call(frame: Frame) -> str:
        value = read(frame)
        if type(value) is not Joiner:
            raise ExpressionError(f"a {kind_of(value)} cannot be called")
        return value()

    return call


def _is_loop(compilation: Compilation, node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == "loop" and "loop" in compilation.locals


def _call_of_loop(compilation: Compilation, node: nodes.Call, name: str) -> Evaluate:
    given, named = _arguments(compilation, node, node.args, f"loop.{name}")
    if name not in {"cycle", "changed"} or named:
        raise ExpressionError(f"loop.{name[:40]} cannot be called", "loop.cycle(…) can be.")
    at, is_cycle = compilation.locals["loop"], name == "cycle"

    def call(frame: Frame) -> Any:
        values = [argument(frame) for argument in given]
        return frame[at].cycle(values) if is_cycle else frame[at].changed(values)

    return call


CALLS: Mapping[type[nodes.Node], CompileTree] = {
    nodes.Filter: _filter,
    nodes.Test: _test,
    nodes.Call: _call,
}
