"""Compiles a node's configuration: finds the computed values, and fills them in when it runs."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic.fields import FieldInfo

from flowc.compiler.definition import NodeDefinition, NodeOptions
from flowc.compiler.diagnostics import Pointer, Problem, Replacement
from flowc.compiler.expressions import (
    Expression,
    ExpressionError,
    Names,
    Reference,
    compile_condition,
    compile_formula,
    compile_template,
)
from flowc.compiler.node import (
    PER_ITEM,
    Formula,
    Incoming,
    Node,
    Role,
    SecretAllowed,
)
from flowc.compiler.reading.model_problems import shape_problems


@dataclass(frozen=True, slots=True)
class Slot:
    """One computed value in a configuration."""

    path: Pointer
    at: Pointer
    role: Role | None
    expression: Expression
    secrets_allowed: bool
    own_names: frozenset[str]

    @property
    def source(self) -> str:
        """The text that the author wrote."""
        return self.expression.source

    @property
    def references(self) -> tuple[Reference, ...]:
        """What the value is computed from, without the names that the node itself supplies."""
        return tuple(r for r in self.expression.references if r.path[0] not in self.own_names)


@dataclass(frozen=True)
class Configuration:
    """A node's configuration, with its computed values compiled.

    `takes_incoming` is the field that receives the outputs of the nodes before this one; those of
    several nodes are one object with the fields of all if it `merges`, else each under its id.
    """

    node_type: type[Node]
    raw: Mapping[str, Any]
    slots: tuple[Slot, ...]
    problems: tuple[Problem, ...]
    takes_incoming: str | None
    merges: bool
    options: Mapping[str, Slot]
    _fill: Callable[[Names], Any]

    @property
    def key(self) -> Slot | None:
        """The key that the node's concurrency is limited by."""
        return self.options.get("key")

    @property
    def when(self) -> Slot | None:
        """The condition on which a failure is retried."""
        return self.options.get("when")

    @property
    def until(self) -> Slot | None:
        """The condition on an output until which the node is retried."""
        return self.options.get("until")

    @cached_property
    def fixed(self) -> Node | None:
        """The node, if nothing in its configuration is computed."""
        if self.slots or self.takes_incoming is not None:
            return None
        return self.node_type.model_validate(self.raw)

    @cached_property
    def computed(self) -> tuple[str, ...]:
        """The fields with computed values, without those that are computed per item."""
        names = dict.fromkeys(str(slot.path[0]) for slot in self.slots)
        per_item = {str(slot.path[0]) for slot in self.slots if slot.role in PER_ITEM}
        return tuple(name for name in names if name not in per_item)

    def filled(self, names: Names, incoming: Any) -> Mapping[str, Any]:
        """Return the configuration with every value computed; raise ExpressionError."""
        filled: Mapping[str, Any] = self._fill(names)
        if self.takes_incoming is not None:
            filled = {**filled, self.takes_incoming: incoming}
        return filled

    def uses(self) -> tuple[Slot, ...]:
        """Return all computed values: the configuration's, and those of the node's options."""
        return (*self.slots, *self.options.values()) if self.options else self.slots


def configure(node: NodeDefinition, node_type: type[Node]) -> Configuration:
    """Compile a node's configuration and report what is wrong with it."""
    slots, broken = _slots(node, node_type)
    problems = list(broken.values())
    computed = {slot.path for slot in slots}
    shape = _shape_problems(node, node_type, computed | broken.keys())
    fill = _filler(node.config, (), {slot.path: slot for slot in slots})
    options = dict(_options(node, problems))
    incoming = _incoming_field(node, node_type, is_plain=not slots)
    return Configuration(
        node_type,
        node.config,
        tuple(slots),
        (*problems, *shape),
        incoming[0] if incoming is not None else None,
        incoming is not None and _merges(node, incoming[1]),
        options,
        fill,
    )


# The options of a node that are computed, with the names that they read in addition.
_OPTIONS: tuple[tuple[str, str, Role | None, frozenset[str]], ...] = (
    ("concurrency", "key", None, frozenset()),
    ("retry", "when", Role.ITEM_CONDITION, frozenset({"error"})),
    ("retry", "until", Role.ITEM_CONDITION, frozenset({"output"})),
)


def _options(node: NodeDefinition, problems: list[Problem]) -> Iterator[tuple[str, Slot]]:
    """Compile the options that are computed, by name."""
    for option, name, role, own_names in _OPTIONS:
        text = getattr(getattr(node, option), name, None)
        if text is None:
            continue
        path = (*node.at, option, name)
        try:
            expression = _COMPILE[role](text)
        except ExpressionError as problem:
            what = "expression" if role is None else "condition"
            problems.append(_invalid(problem, what, path, text))
            continue
        yield name, Slot((option, name), path, role, expression, False, own_names)


def _slots(
    node: NodeDefinition, node_type: type[Node]
) -> tuple[list[Slot], dict[Pointer, Problem]]:
    """Return the computed values of a configuration, and by path the problems of others."""
    slots: list[Slot] = []
    problems: dict[Pointer, Problem] = {}
    for path, value, marks in texts_in(node_type, node.config):
        role = next((mark for mark in marks if isinstance(mark, Role)), None)
        if role is Role.RAW:
            continue
        try:
            expression = _COMPILE[role](value)
        except ExpressionError as problem:
            what = "condition" if role is Role.CONDITION else "expression"
            problems[path] = _invalid(problem, what, node.config_at(*path), value)
            continue
        if not expression.is_text or role is not None:
            own = node_type.formula_names if role in PER_ITEM else frozenset[str]()
            at = node.config_at(*path)
            slots.append(Slot(path, at, role, expression, SecretAllowed in marks, own))
    return slots, problems


def _invalid(problem: ExpressionError, what: str, at: Pointer, source: str) -> Problem:
    """Return the problem of an expression that cannot be compiled."""
    fix: tuple[Replacement, ...] = ()
    if problem.meant is not None and problem.offset is not None:
        word, meant = problem.meant
        found = re.compile(rf"\b{re.escape(word)}\b").search(source, problem.offset)
        if found is not None:
            fix = (Replacement(at, meant, offset=found.start(), length=len(word)),)
    message = f"This {what} is not valid: {problem}."
    return Problem(
        "invalid-expression", message, at, problem.hint, offset=problem.offset, replacements=fix
    )


_COMPILE: Mapping[Role | None, Callable[[str], Expression]] = {
    None: compile_template,
    Role.CONDITION: compile_condition,
    Role.ITEM_CONDITION: compile_condition,
    Role.ITEM_EXPRESSION: compile_formula,
}


def texts_in(model: type[BaseModel], data: Any) -> Iterator[tuple[Pointer, str, tuple[Any, ...]]]:
    """Yield every text in a configuration, with its path and the marks of its field."""
    for name, field in model.model_fields.items():
        for key in names_of_field(name, field) & data.keys():
            yield from _walk(field.annotation, tuple(field.metadata), data[key], (key,))


def names_of_field(name: str, field: FieldInfo) -> set[str]:
    """Return the names under which authors write a field."""
    return {name, *_aliases(field)}


def _aliases(field: FieldInfo) -> list[str]:
    choices = field.validation_alias
    if isinstance(choices, AliasChoices):
        return [choice for choice in choices.choices if isinstance(choice, str)]
    return [choices] if isinstance(choices, str) else []


def _walk(
    annotation: Any, marks: tuple[Any, ...], value: Any, path: Pointer
) -> Iterator[tuple[Pointer, str, tuple[Any, ...]]]:
    annotation, marks = _unwrapped(annotation, marks)
    if isinstance(value, str):
        yield path, value, _marks_for_text(annotation, marks)
    elif isinstance(value, dict):
        model = _model_for(annotation, value)
        if model is not None and Role.RAW not in marks:
            for inner, text, found in texts_in(model, value):
                yield (*path, *inner), text, (*marks, *found)
        else:
            for key, item in value.items():
                yield from _walk(_item_type(annotation), marks, item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(_item_type(annotation), marks, item, (*path, index))


def _unwrapped(annotation: Any, marks: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    while get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        marks = (*marks, *more)
    return annotation, marks


def members_of(annotation: Any) -> list[Any]:
    """Return the members of a union, or the annotation alone."""
    annotation, _ = _unwrapped(annotation, ())
    if not _is_union(annotation):
        return [annotation]
    return [inner for member in get_args(annotation) for inner in members_of(member)]


def _marks_for_text(annotation: Any, marks: tuple[Any, ...]) -> tuple[Any, ...]:
    """Add the marks of the union's member that a text belongs to: `ItemExpression | None`."""
    found = list(marks)
    for member in get_args(annotation) if _is_union(annotation) else ():
        if get_origin(member) is Annotated:
            found += get_args(member)[1:]
    return tuple(found)


def _is_union(annotation: Any) -> bool:
    return isinstance(annotation, UnionType) or get_origin(annotation) is Union


def _item_type(annotation: Any) -> Any:
    for member in members_of(annotation):
        arguments = [a for a in get_args(member) if a is not Ellipsis]
        if get_origin(member) is not Literal and arguments:
            return arguments[-1]
    return Any


def _model_for(annotation: Any, value: dict[str, Any]) -> type[BaseModel] | None:
    models = [m for m in members_of(annotation) if isinstance(m, type) and issubclass(m, BaseModel)]
    for model in models:
        kind = model.model_fields.get("type")
        if kind is not None and value.get("type") in get_args(kind.annotation):
            return model
    return models[0] if models else None


_OF_NODES = frozenset(NodeOptions.model_fields)


def _shape_problems(
    node: NodeDefinition, node_type: type[Node], computed: set[Pointer]
) -> Iterator[Problem]:
    """Yield what is wrong with literal values; computed ones are checked when the node runs."""
    try:
        node_type.model_validate(node.config)
    except ValidationError as error:
        for problem in shape_problems(error, node_type, node.config):
            if (
                problem.code == "unknown-key"
                and len(problem.at) == 1
                and problem.at[0] in _OF_NODES
            ):
                hint = f"Move it out of {node.config_at()[-1]!r}: it is an option of every node."
                yield _placed(replace(problem, hint=hint, replacements=()), node)
                continue
            is_value = problem.code == "invalid-value"
            if not (is_value and any(_is_within(problem.at, other) for other in computed)):
                yield _placed(problem, node)


def _placed(problem: Problem, node: NodeDefinition) -> Problem:
    """Return a problem of a configuration at its place in the document, in the author's words."""
    at, message = node.config_at(*problem.at), problem.message
    if problem.at and at[-1] != problem.at[-1]:
        message = message.replace(f"{problem.at[-1]!r}", f"{at[-1]!r}", 1)
    fixes = tuple(replace(fix, at=node.config_at(*fix.at)) for fix in problem.replacements)
    return replace(problem, at=at, message=message, replacements=fixes)


def _is_within(path: Pointer, computed: Pointer) -> bool:
    return path[: len(computed)] == computed


def _incoming_field(
    node: NodeDefinition, node_type: type[Node], is_plain: bool
) -> tuple[str, Incoming] | None:
    """Return the field that receives incoming data with its mark, unless the author has set it."""
    for name, field in node_type.model_fields.items():
        mark = next((mark for mark in field.metadata if isinstance(mark, Incoming)), None)
        if mark is not None and name not in node.config:
            is_taken = not mark.steps_only or (node.is_step and is_plain)
            return (name, mark) if is_taken else None
    return None


def _merges(node: NodeDefinition, mark: Incoming) -> bool:
    return mark.merges and node.is_step if node.merge is None else node.merge == "fields"


def _filler(value: Any, path: Pointer, slots: Mapping[Pointer, Slot]) -> Callable[[Names], Any]:
    """Return a function that fills in the slots at and below a path; other values are shared."""
    if path in slots:
        return _computer(slots[path])
    if not any(slot[: len(path)] == path for slot in slots):
        return lambda names: value
    if isinstance(value, dict):
        fields = [(key, _filler(item, (*path, key), slots)) for key, item in value.items()]
        return lambda names: {key: fill(names) for key, fill in fields}
    items = [_filler(item, (*path, index), slots) for index, item in enumerate(value)]
    return lambda names: [fill(names) for fill in items]


def _computer(slot: Slot) -> Callable[[Names], Any]:
    expression = slot.expression
    if slot.role in PER_ITEM:
        return lambda names: Formula(expression, names)
    return expression.evaluate
