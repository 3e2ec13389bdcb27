"""Makes a node type of a class with `execute`, `validate_config` and `get_schema`.

Many engines have such classes. One is registered as it is: in `NODE_TYPES` of a package, or in a
list for `Registry`.
"""

import asyncio
import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, Field, WithJsonSchema, create_model, model_validator

from flowc.compiler.definition.short_schemas import BadSchema, Schema, problems_of, to_json_schema
from flowc.compiler.expressions import has_expressions
from flowc.compiler.node.context import Context
from flowc.compiler.node.errors import NodeError
from flowc.compiler.node.fields import Incoming
from flowc.compiler.node.node_type import Node
from flowc.compiler.node.outcome import Outcome

_CONFIG = frozenset({"config", "configuration", "settings", "params", "parameters", "options"})
_CONTEXT = frozenset({"context", "ctx", "execution_context"})
_CONFIG_SCHEMA = ("config", "config_schema", "configuration", "parameters", "settings")
_OUTPUT_SCHEMA = ("output", "output_schema", "outputs", "returns")
_NAMES = ("node_type", "step_type", "type", "name")


class NotAStep(TypeError):
    """The class cannot be a node type; the message says what it lacks."""


def is_step_class(found: object) -> bool:
    """Return whether something is a class with `execute`, and no node type yet."""
    is_plain = isinstance(found, type) and not issubclass(found, Node)
    return is_plain and callable(getattr(found, "execute", None))


@lru_cache(256)
def node_type_of(step: type, type: str | None = None) -> type[Node]:
    """Return a class with `execute`, `validate_config` and `get_schema` as a node type.

    `get_schema` returns the JSON Schema of the configuration or its short form, or an object with
    `config` and `output`. `execute`, async or not, gets what its parameters name: `config`,
    `context`, and in any other the outputs of the nodes before. What `validate_config` raises,
    returns as false or lists is a diagnostic. Without a `type`, it is the class's `node_type`,
    `type` or `name`, or the class's own name in small letters. Raises NotAStep.

    >>> class Greeter:
    ...     def get_schema(self):
    ...         return {"greeting": "string"}
    ...     def execute(self, config, inputs):
    ...         return f"{config['greeting']} {inputs['name']}"
    >>> node_type_of(Greeter).type, list(node_type_of(Greeter).model_fields)
    ('greeter', ['greeting', 'input'])
    """
    if not is_step_class(step):
        raise NotAStep(f"{step!r} is no class with an `execute` method.")
    config, output = _schemas(step)
    word = type or _word(step)
    members: dict[str, Any] = dict(_fields(config))
    incoming = _incoming(step, members)
    if incoming is not None:
        about = "What `execute` gets; by default the output of the nodes before."
        mark = Annotated[Any, Incoming(merges=True), Field(description=about)]
        members[incoming] = (mark, None)
    kind = create_model(step.__name__, __base__=StepOfClass, __module__=step.__module__, **members)
    kind.type, kind.step, kind.word, kind.incoming, kind.output = word, step, type, incoming, output
    kind.__doc__ = inspect.getdoc(step) or f"Run `{step.__name__}.execute`."
    return kind


class StepOfClass(Node):
    """Run the `execute` of a class: what `node_type_of` makes has it as its base."""

    type: ClassVar[str] = "step"
    step: ClassVar[Any] = None
    word: ClassVar[str | None] = None
    incoming: ClassVar[str | None] = None
    output: ClassVar[Schema | None] = None

    @model_validator(mode="after")
    def _valid(self) -> "StepOfClass":
        config = self._config()
        check = getattr(self.step, "validate_config", None)
        if check is None or _has_templates(config):
            return self
        problems = list(_complaints(_called(_made(self.step, config), "validate_config", config)))
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema | None:
        """Return the schema of the output, if the class has one."""
        return cls.output

    async def run(self, context: Context) -> Any:
        """Run `execute`, in a thread if it is not async."""
        config = self._config()
        data = getattr(self, self.incoming) if self.incoming is not None else None
        step = _made(self.step, config)
        arguments = _arguments(step.execute, config, data, context)
        if inspect.iscoroutinefunction(step.execute):
            result = await step.execute(**arguments)
        else:
            result = await asyncio.to_thread(step.execute, **arguments)
        result = await result if inspect.isawaitable(result) else result
        if isinstance(result, Outcome):
            return result
        found = _as_json(result)
        for path, sentence in problems_of(found, self.output) if self.output else ():
            where = ".".join(map(str, path)) or "the output"
            raise NodeError("output-does-not-fit", f"{where}: {sentence}.")
        return found

    def _config(self) -> dict[str, Any]:
        """Return what the author wrote, and the defaults of the schema."""
        fields = type(self).model_fields
        given = {
            field.alias or name: getattr(self, name)
            for name, field in fields.items()
            if name != self.incoming
            and (name in self.model_fields_set or field.default is not None)
        }
        return {str(name): value for name, value in given.items()}


def _schemas(step: Any) -> tuple[Schema, Schema | None]:
    """Return the schemas of the configuration and of the output."""
    if not hasattr(step, "get_schema"):
        raise NotAStep(f"{step.__name__} has no `get_schema`, which returns a JSON Schema.")
    is_bound = inspect.ismethod(step.get_schema) or isinstance(
        inspect.getattr_static(step, "get_schema"), staticmethod
    )
    found = (step if is_bound else _made(step, {})).get_schema()
    if isinstance(found, type) and issubclass(found, BaseModel):
        found = found.model_json_schema()
    if not isinstance(found, dict):
        raise NotAStep(f"`get_schema` of {step.__name__} must return an object.")
    config, output = found, None
    if "properties" not in found:
        output = next((found[key] for key in _OUTPUT_SCHEMA if _is_schema(found, key)), None)
        config = next((found[key] for key in _CONFIG_SCHEMA if _is_schema(found, key)), found)
        config = {} if config is found and output is not None else config
    try:
        schema = to_json_schema(config) if config else {"type": "object", "properties": {}}
        return schema, to_json_schema(output) if output is not None else None
    except BadSchema as problem:
        raise NotAStep(f"The schema of {step.__name__} is not sound: {problem}.") from problem


def _is_schema(found: Mapping[str, Any], key: str) -> bool:
    return isinstance(found.get(key), dict)


def _fields(schema: Schema) -> Iterator[tuple[str, Any]]:
    """Yield a field for each property, which checks what is known before a run."""
    required = set(schema.get("required", ()))
    shared = {"$defs": schema["$defs"]} if "$defs" in schema else {}
    for name, found in schema.get("properties", {}).items():
        whole = {**shared, **found} if isinstance(found, dict) else {}
        is_free = (
            name.isidentifier() and not name.startswith("_") and not hasattr(StepOfClass, name)
        )
        default: Any = ... if name in required else whole.get("default")
        about: dict[str, Any] = {
            "description": whole.get("description"),
            "title": whole.get("title"),
        }
        # Under another name, a field hides nothing of the class.
        alias = None if is_free and not name.startswith("model_") else name
        kind = Annotated[Any, AfterValidator(_fits(whole)), WithJsonSchema(whole)]
        field_name = name if alias is None else "field_" + re.sub(r"\W", "_", name)
        yield field_name, (kind, Field(default, alias=alias, **about))


def _fits(schema: Schema) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not _has_templates(value):
            for path, sentence in problems_of(value, schema):
                where = ".".join(map(str, path))
                raise ValueError(f"{where}: {sentence}" if where else sentence)
        return value

    return check


def _incoming(step: Any, taken: Mapping[str, Any]) -> str | None:
    """Return the name of the field for the data of the nodes before, if `execute` takes any."""
    names = [name for name in _parameters(step.execute) if name not in _CONFIG | _CONTEXT]
    free = (name for name in ("input", "data", "incoming", "input_data") if name not in taken)
    return next(free, None) if names else None


def _parameters(function: Any) -> list[str]:
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    found = inspect.signature(function).parameters.values()
    return [each.name for each in found if each.kind not in kinds and each.name != "self"]


def _arguments(function: Any, config: Any, data: Any, context: Any) -> dict[str, Any]:
    def value(name: str) -> Any:
        if name in _CONFIG:
            return config
        return context if name in _CONTEXT else data

    return {name: value(name) for name in _parameters(function)}


def _made(step: Any, config: dict[str, Any]) -> Any:
    """Return an instance; a constructor gets the configuration, or the parts that it names."""
    names = _parameters(step.__init__) if step.__init__ is not object.__init__ else []
    if not names:
        return step()
    if names[0] in _CONFIG:
        return step(config)
    return step(**{name: config[name] for name in names if name in config})


def _called(step: Any, method: str, config: dict[str, Any]) -> Any:
    function = getattr(step, method)
    try:
        return function(config) if _parameters(function) else function()
    except Exception as problem:
        return [str(problem) or type(problem).__name__]


def _complaints(answer: Any) -> Iterator[str]:
    """Yield what `validate_config` has against a configuration, in the forms that are in use."""
    if isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[0], bool):
        answer = True if answer[0] else (answer[1] or False)
    if isinstance(answer, dict):
        errors = answer.get("errors") or answer.get("error")
        answer = errors or answer.get("valid", answer.get("is_valid", True))
    if isinstance(answer, str) and answer:
        yield answer.rstrip(".")
    elif isinstance(answer, (list, tuple, set)):
        yield from (str(each).rstrip(".") for each in answer)
    elif answer is False:
        yield "`validate_config` refuses this configuration"


def _has_templates(value: Any) -> bool:
    if isinstance(value, str):
        return has_expressions(value)
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(_has_templates, items))


def _as_json(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return list(value) if isinstance(value, tuple) else value


def _word(step: Any) -> str:
    named = (getattr(step, name, None) for name in _NAMES)
    word = next((found for found in named if isinstance(found, str) and found), None)
    if word is None:
        bare = re.sub(r"(Node|Step)$", "", step.__name__) or step.__name__
        word = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", bare)
    return re.sub(r"\W+", "_", word).lower()
