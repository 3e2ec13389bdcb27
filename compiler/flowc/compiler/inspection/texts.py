"""Inspects texts with statements in them, and starts the inspection of an expression."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from jinja2 import nodes

from flowc.compiler.expressions.references import ReferencePath
from flowc.compiler.expressions.syntax import parts_of
from flowc.compiler.inspection.conversions import converted
from flowc.compiler.inspection.finite import finite_values
from flowc.compiler.inspection.inspection import Inspection, asks_for_null
from flowc.compiler.inspection.operators import OPERATOR_RULES
from flowc.compiler.inspection.possible import ANYTHING, TEXT, Possible, either, item_of
from flowc.compiler.inspection.words import WORD_RULES
from flowc.compiler.inspection.written import written

_LOOP = Possible(frozenset({"loop"}))


def new_inspection(read: Callable[[ReferencePath], Possible]) -> Inspection:
    """Return an inspection in which paths from outside have these values."""
    return Inspection({**OPERATOR_RULES, **WORD_RULES}, read)


def inspect_template(inspection: Inspection, body: Sequence[nodes.Node]) -> Possible:
    """Return what the value of a template can be: of an expression alone, or else text."""
    parts = [node for node in body if not _is_blank(node)]
    *settings, last = parts or [nodes.Output([])]
    inside = [part for part in parts_of([last]) if not _is_white(part)]
    is_lone = all(isinstance(each, (nodes.Assign, nodes.AssignBlock)) for each in settings)
    if not is_lone or len(inside) != 1:
        _block(inspection, body)
        return TEXT
    _block(inspection, settings)
    return inspection.possible(inside[0])


def _is_blank(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Output) and all(map(_is_white, node.nodes))


def _is_white(node: nodes.Node) -> bool:
    return isinstance(node, nodes.TemplateData) and not node.data.strip()


def _block(inspection: Inspection, body: Iterable[nodes.Node]) -> None:
    for node in body:
        statement = _STATEMENTS.get(type(node))
        if statement is not None:
            statement(inspection, node)


def _output(inspection: Inspection, node: nodes.Output) -> None:
    for part in node.nodes:
        inspection.possible(part)


def _if(inspection: Inspection, node: nodes.If) -> None:
    before, ends = inspection.locals, list[dict[str, Possible]]()
    tests: list[nodes.Node] = []
    is_open, is_certain = True, True
    for branch in (node, *node.elif_):
        with inspection.perhaps(not is_certain):
            inspection.locals = dict(before)
            truth = inspection.decide(branch.test)
            if True in truth:
                truth = _left_of(inspection, branch, tests, truth)
            with inspection.perhaps(False in truth):
                if True in truth:
                    _block(inspection, branch.body)
                    ends.append(inspection.locals)
        tests.append(branch.test)
        is_certain = is_certain and True not in truth
        is_open = False in truth
        if not is_open:
            break
    inspection.locals = dict(before)
    if is_open:
        with inspection.perhaps(not is_certain):
            _block(inspection, node.else_)
        ends.append(inspection.locals)
    inspection.locals = _merged(ends) if ends else before


def _left_of(
    inspection: Inspection, branch: nodes.If, tests: Sequence[nodes.Node], truth: frozenset[bool]
) -> frozenset[bool]:
    """Return whether an `elif` can hold if none before it does; note it if it cannot."""
    if not tests or asks_for_null(branch.test) or _may_change(branch.test):
        return truth
    before: nodes.Node = nodes.Not(tests[0], lineno=-1)
    for test in tests[1:]:
        before = nodes.And(before, nodes.Not(test, lineno=-1), lineno=-1)
    left = nodes.And(before, branch.test, lineno=-1)
    possible = [
        finite_values(tree, inspection.at_path, inspection.budget) for tree in (before, left)
    ]
    is_repeated = branch.test in tests
    if not is_repeated and all(values is None or any(values) for values in possible):
        return truth
    message = f"The branch of {written(branch.test)!r} is never taken: one before it always is."
    hint = "Put the narrower condition first, or remove the branch."
    inspection.note("unreachable-branch", message, hint, branch.test)
    return frozenset({False})


def _may_change(test: nodes.Node) -> bool:
    """Return whether a test may have another value each time, as `random() > 0.5` has."""
    return any(test.find_all(nodes.Call)) or isinstance(test, nodes.Call)


def _merged(ends: Sequence[dict[str, Possible]]) -> dict[str, Possible]:
    names = dict.fromkeys(name for end in ends for name in end)
    return {name: either(*(end[name] for end in ends if name in end)) for name in names}


def _for(inspection: Inspection, node: nodes.For) -> None:
    items = inspection.possible(node.iter)
    if items.kinds and not items.kinds & {"list", "object"}:
        message = (
            f"'for' always fails: it needs a list, and {written(node.iter)!r} is {items.words}."
        )
        instead = converted(node.iter, items, frozenset({"list"}))
        hint = f"Write {instead}." if instead is not None else None
        inspection.note("type-mismatch", message, hint, node.iter)
    with inspection.perhaps(), inspection.scope():
        _block(inspection, node.else_)
    if not items.kinds & {"list", "object"}:
        return
    with inspection.perhaps(), inspection.scope():
        _bind(inspection, node.target, item_of(items))
        if node.test is not None:
            inspection.decide(node.test)
        inspection.locals["loop"] = _LOOP
        _block(inspection, node.body)


def _bind(inspection: Inspection, target: nodes.Node, found: Possible) -> None:
    if isinstance(target, nodes.Name):
        inspection.locals[target.name] = found
    elif isinstance(target, nodes.Tuple):
        for item in target.items:
            _bind(inspection, item, ANYTHING)


def _set(inspection: Inspection, node: nodes.Assign) -> None:
    _bind(inspection, node.target, inspection.possible(node.node))


def _set_block(inspection: Inspection, node: nodes.AssignBlock) -> None:
    with inspection.scope():
        _block(inspection, node.body)
    _bind(inspection, node.target, TEXT)


def _with(inspection: Inspection, node: nodes.With) -> None:
    values = [inspection.possible(value) for value in node.values]
    with inspection.scope():
        for target, value in zip(node.targets, values, strict=True):
            _bind(inspection, target, value)
        _block(inspection, node.body)


_STATEMENTS: Mapping[type[nodes.Node], Callable[[Inspection, Any], None]] = {
    nodes.Output: _output,
    nodes.If: _if,
    nodes.For: _for,
    nodes.Assign: _set,
    nodes.AssignBlock: _set_block,
    nodes.With: _with,
}
