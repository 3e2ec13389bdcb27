"""Compiles the statements of a text: `if`, `for`, `set` and `with`, and what is between them.

Each becomes a function that adds its text to a list. A variable that a statement sets has a key of
its own in the frame, so it never hides a name that the checks have noted.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from jinja2 import nodes

from flowc.compiler.expressions.compilation import Compilation, KeptValue
from flowc.compiler.expressions.errors import ExpressionError
from flowc.compiler.expressions.fields import Namespace
from flowc.compiler.expressions.frame import Evaluate, Frame
from flowc.compiler.expressions.loops import ForLoop
from flowc.compiler.expressions.references import ReferencePath
from flowc.compiler.expressions.values import as_text, items_of, kind_of, require_room

RunStatement = Callable[[Frame, list[str]], None]
Assign = Callable[[Frame, Any], None]

# After how many turns of a `for` the length of the text is checked.
_TURNS = 50


def compile_text(compilation: Compilation, body: Sequence[nodes.Node]) -> Evaluate:
    """Return what evaluates a text with statements in it."""
    run = _block(compilation, body)

    def evaluate(frame: Frame) -> str:
        out: list[str] = []
        run(frame, out)
        require_room(sum(map(len, out)))
        return "".join(out)

    return evaluate


def compile_setting(compilation: Compilation, body: Sequence[nodes.Node]) -> RunStatement:
    """Return what runs the `set` statements before a lone expression."""
    return _block(compilation, body)


def _block(compilation: Compilation, body: Iterable[nodes.Node]) -> RunStatement:
    runs = [_statement(compilation, node) for node in body]
    if len(runs) == 1:
        return runs[0]

    def run(frame: Frame, out: list[str]) -> None:
        for each in runs:
            each(frame, out)

    return run


def _statement(compilation: Compilation, node: nodes.Node) -> RunStatement:
    compile_it = _STATEMENTS.get(type(node))
    if compile_it is None:
        raise ExpressionError(f"the statement {type(node).__name__.lower()!r} is not available")
    with compilation.deeper():
        return compile_it(compilation, node)


def _output(compilation: Compilation, node: nodes.Output) -> RunStatement:
    if all(isinstance(part, nodes.TemplateData) for part in node.nodes):
        text = "".join([part.data for part in node.nodes if isinstance(part, nodes.TemplateData)])
        return lambda frame, out: out.append(text)
    parts = [compilation.compile(part, "string?") for part in node.nodes]

    def run(frame: Frame, out: list[str]) -> None:
        out += [value if type(value := part(frame)) is str else as_text(value) for part in parts]

    return run


def _if(compilation: Compilation, node: nodes.If) -> RunStatement:
    branches: list[tuple[Evaluate, RunStatement]] = []
    # What is tested with `is defined` may be missing in all branches.
    with compilation.tested(node.test):
        for branch in (node, *node.elif_):
            with compilation.tested(branch.test):
                test = compilation.compile(branch.test, "boolean?")
                branches.append((test, _block(compilation, branch.body)))
        otherwise = _block(compilation, node.else_)
    if len(branches) == 1:
        return _single_if(*branches[0], otherwise)

    def run(frame: Frame, out: list[str]) -> None:
        for test, block in branches:
            if test(frame):
                block(frame, out)
                return
        otherwise(frame, out)

    return run


def _single_if(test: Evaluate, block: RunStatement, otherwise: RunStatement) -> RunStatement:
    def run(frame: Frame, out: list[str]) -> None:
        if test(frame):
            block(frame, out)
        else:
            otherwise(frame, out)

    return run


def _for(compilation: Compilation, node: nodes.For) -> RunStatement:
    if node.recursive:
        raise ExpressionError("a recursive 'for' is not available")
    items = compilation.compile(node.iter, "array")
    before = compilation.size
    otherwise = _scoped(compilation, node.else_)
    with compilation.inner_variables() as kept:
        assign = _target(compilation, node.target, compilation.items_read_by(node.iter))
        # What the loop itself assigns has no value from outside.
        kept.clear()
        # The condition of a `for` chooses the items before the loop knows how many there are.
        keeps = compilation.compile(node.test, "boolean?") if node.test is not None else None
        loop_at = compilation.bind_any("loop")
        block = _block(compilation, node.body)
        key = compilation.locals[node.target.name] if isinstance(node.target, nodes.Name) else None
    if key is not None and not kept and not _uses_loop(node):
        turn = _turning_simply(block, key)
    else:
        turn = _turning(block, assign, _beginning(kept), loop_at)
    cost = compilation.size - before + 2

    def run(frame: Frame, out: list[str]) -> None:
        found = items_of(items(frame), "for")
        if keeps is not None:
            found = _kept(frame, found, assign, keeps)
        if not found:
            otherwise(frame, out)
            return
        loop = ForLoop(found)
        for start in range(0, len(found), _TURNS):
            part, before = found[start : start + _TURNS], len(out)
            frame.budget.spend(cost * len(part))
            turn(frame, out, part, loop)
            _count(frame, out, before)

    return run


_Turn = Callable[[Frame, list[str], list[Any], ForLoop], None]


def _turning_simply(block: RunStatement, key: str) -> _Turn:
    """Return what does some turns of a `for` with one variable, without `loop`."""

    def turn(frame: Frame, out: list[str], items: list[Any], loop: ForLoop) -> None:
        for item in items:
            frame[key] = item
            block(frame, out)

    return turn


def _turning(
    block: RunStatement, assign: Assign, begin: Callable[[Frame], None] | None, loop_at: str
) -> _Turn:
    """Return what does some turns of a `for`."""

    def turn(frame: Frame, out: list[str], items: list[Any], loop: ForLoop) -> None:
        frame[loop_at] = loop
        for item in items:
            loop.index0 += 1
            assign(frame, item)
            if begin is not None:
                begin(frame)
            block(frame, out)

    return turn


def _beginning(kept: list[KeptValue]) -> Callable[[Frame], None] | None:
    """Return what gives the variables of a block their first values, if it has any."""
    if not kept:
        return None

    def begin(frame: Frame) -> None:
        for key, outer in kept:
            if outer is not None and outer in frame:
                frame[key] = frame[outer]
            else:
                frame.pop(key, None)

    return begin


def _scoped(compilation: Compilation, body: Sequence[nodes.Node]) -> RunStatement:
    """Compile a block whose variables end with it."""
    with compilation.inner_variables() as kept:
        block = _block(compilation, body)
    begin = _beginning(kept)
    if begin is None:
        return block

    def run(frame: Frame, out: list[str]) -> None:
        begin(frame)
        block(frame, out)

    return run


def _count(frame: Frame, out: list[str], start: int) -> None:
    """Count the new parts of a text against the budget."""
    size = sum(map(len, out[start:]))
    require_room(size)
    frame.budget.make(size)


def _kept(frame: Frame, items: list[Any], assign: Assign, keeps: Evaluate) -> list[Any]:
    found = []
    frame.budget.spend(3 * len(items))
    for item in items:
        assign(frame, item)
        if keeps(frame):
            found.append(item)
    return found


def _uses_loop(node: nodes.For) -> bool:
    return any(name.name == "loop" for part in node.body for name in _names_in(part))


def _names_in(node: nodes.Node) -> Iterable[nodes.Name]:
    return [node] if isinstance(node, nodes.Name) else node.find_all(nodes.Name)


def _set(compilation: Compilation, node: nodes.Assign) -> RunStatement:
    value = compilation.compile(node.node)
    assign = _target(compilation, node.target, compilation.path_read_by(node.node))
    return lambda frame, out: assign(frame, value(frame))


def _set_block(compilation: Compilation, node: nodes.AssignBlock) -> RunStatement:
    if node.filter is not None:
        raise ExpressionError(
            "a filter on a {% set %} with {% endset %} is not available",
            "Use the filter where the variable is read.",
        )
    block = _scoped(compilation, node.body)
    assign = _target(compilation, node.target)

    def run(frame: Frame, out: list[str]) -> None:
        inner: list[str] = []
        block(frame, inner)
        require_room(sum(map(len, inner)))
        text = "".join(inner)
        frame.budget.make(len(text))
        assign(frame, text)

    return run


def _with(compilation: Compilation, node: nodes.With) -> RunStatement:
    values = [compilation.compile(value) for value in node.values]
    with compilation.inner_variables() as kept:
        targets = [_target(compilation, target) for target in node.targets]
        kept.clear()
        block = _block(compilation, node.body)
    begin = _beginning(kept)

    def run(frame: Frame, out: list[str]) -> None:
        found = [value(frame) for value in values]
        for assign, value in zip(targets, found, strict=True):
            assign(frame, value)
        if begin is not None:
            begin(frame)
        block(frame, out)

    return run


def _target(
    compilation: Compilation, node: nodes.Node, alias: ReferencePath | None = None
) -> Assign:
    """Return what assigns a value to a name, to several names, or to a field of a namespace.

    `alias` is the path of the value, if it is known.
    """
    if isinstance(node, nodes.Name):
        return _assigning(compilation.bind(node.name, alias))
    if isinstance(node, nodes.NSRef):
        return _field_target(compilation, node)
    assert isinstance(node, nodes.Tuple)  # Jinja parses no other target
    targets = [_target(compilation, item) for item in node.items]

    def assign(frame: Frame, value: Any) -> None:
        if not isinstance(value, list) or len(value) != len(targets):
            count = f"{len(value)} values" if isinstance(value, list) else kind_of(value)
            raise ExpressionError(f"{len(targets)} variables cannot be set from {count}")
        for target, item in zip(targets, value, strict=True):
            target(frame, item)

    return assign


def _assigning(key: str) -> Assign:
    def assign(frame: Frame, value: Any) -> None:
        frame[key] = value

    return assign


def _field_target(compilation: Compilation, node: nodes.NSRef) -> Assign:
    name, field = node.name, node.attr
    key = compilation.locals.get(name)
    if key is None or field.startswith("_"):
        raise ExpressionError(
            f"{name[:40]}.{field[:40]} cannot be set",
            "Write {% set " + name[:40] + " = namespace() %} first.",
        )

    def assign(frame: Frame, value: Any) -> None:
        holder = frame[key]
        if type(holder) is not Namespace:
            raise ExpressionError(f"{name[:40]!r} is no namespace, so its fields cannot be set")
        holder.fields[field] = value

    return assign


_STATEMENTS: Mapping[type[nodes.Node], Callable[[Compilation, Any], RunStatement]] = {
    nodes.Output: _output,
    nodes.If: _if,
    nodes.For: _for,
    nodes.Assign: _set,
    nodes.AssignBlock: _set_block,
    nodes.With: _with,
}
