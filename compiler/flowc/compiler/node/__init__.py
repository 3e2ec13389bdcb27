"""What is a node type, and what may it do while it runs?"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, NamedTuple, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, SkipValidation, WithJsonSchema

from flowc.compiler.definition import FailureKind
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.expressions import Expression, Names
from flowc.compiler.node.budget import UNLIMITED, Budget
from flowc.compiler.node.interrupts import WaitFor, wait_here

Json = Any
NOTHING: Mapping[Any, Any] = MappingProxyType({})
Service = TypeVar("Service")


class Role(Enum):
    """How the text in a field is read; without a role it is a template."""

    CONDITION = "condition"
    ITEM_CONDITION = "condition on each item"
    ITEM_EXPRESSION = "expression over each item"
    RAW = "raw"


class SecretAllowed:
    """Marks a field whose templates may name `secrets`."""


@dataclass(frozen=True)
class Incoming:
    """Marks a field that takes the outputs of the nodes before it where the author leaves it out.

    With `steps_only`, it does so in the steps form alone.
    """

    steps_only: bool = False


@dataclass(frozen=True, slots=True)
class Formula:
    """An expression that a node evaluates itself, as often as it likes, with names of its own."""

    expression: Expression
    names: Names

    def __call__(self, **names: Json) -> Json:
        """Return the value, seen with these names (such as `item`) besides the workflow's."""
        return self.expression.evaluate({**self.names, **names})


Condition = Annotated[
    bool, Role.CONDITION, WithJsonSchema({"type": ["string", "boolean"], "format": "condition"})
]
ItemCondition = Annotated[
    SkipValidation[Formula],
    Role.ITEM_CONDITION,
    WithJsonSchema({"type": "string", "format": "condition"}),
]
ItemExpression = Annotated[
    SkipValidation[Formula],
    Role.ITEM_EXPRESSION,
    WithJsonSchema({"type": "string", "format": "expression"}),
]
PER_ITEM = frozenset({Role.ITEM_CONDITION, Role.ITEM_EXPRESSION})

Body = Annotated[dict[str, Any], Role.RAW]
Tools = Annotated[list[dict[str, Any]], Role.RAW]


class Outcome(NamedTuple):
    """What a node did, where that is more than an output.

    `error` says that it failed and its workflow goes on; it is not for node types to set.
    """

    output: Json
    branch: str | None = None
    variables: Mapping[str, Json] = NOTHING
    usage: Mapping[str, float] = NOTHING
    error: Mapping[str, Json] | None = None


class BodyResult(NamedTuple):
    """What one run of a node's body gave: its output, those of its nodes, the variables it set."""

    output: Json
    outputs: Mapping[str, Json]
    variables: Mapping[str, Json]


class Effects(NamedTuple):
    """What a node can touch, as far as its configuration tells before it runs.

    `calls` are the model calls of one run of the node, at least and at most; `prompt` is the length
    of their text in characters, as it is written, and `values` how many values are filled into it.
    """

    hosts: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    calls: tuple[int, int] = (0, 0)
    prompt: int = 0
    values: int = 0
    max_tokens: int | None = None


class RunBody(Protocol):
    """Runs a node's body; of tools, `only` the one that is called."""

    async def __call__(
        self,
        key: str,
        names: Mapping[str, Json],
        variables: Mapping[str, Json],
        only: str | None = None,
    ) -> BodyResult:
        """Run the body under a key of its own; raise BodyFailed, or Interrupted if it waits."""
        ...


async def no_body(
    key: str, names: Mapping[str, Json], variables: Mapping[str, Json], only: str | None = None
) -> BodyResult:
    """Refuse: a node whose type has no body asked for one."""
    raise NodeError("no-body", "The node has no body.")


Through = Callable[[str, Callable[[], Awaitable[Any]]], Awaitable[Any]]
Once = Callable[[str, Callable[[], Awaitable[Json]]], Awaitable[Json]]


async def every_time(key: str, work: Callable[[], Awaitable[Json]]) -> Json:
    """Do the work: nothing is kept."""
    return await work()


async def straight(target: str, work: Callable[[], Awaitable[Json]]) -> Json:
    """Call a service, however often it has failed."""
    return await work()


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


class Tool(NamedTuple):
    """What a model may call: a node of the body, by its id.

    A toolbox stands for several tools, which it names when it is run.
    """

    name: str
    description: str
    parameters: Schema
    needs_approval: bool = False
    is_toolbox: bool = False


class NodeError(Exception):
    """Raised by a node type whose work failed; the message is shown to whoever reads the run.

    `kind` is that of a failure which may pass, so that another attempt could succeed; bad input
    has none. `retry_after` is in seconds.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        kind: FailureKind | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.code, self.message = code, message
        self.kind, self.retry_after = kind, retry_after
        super().__init__(message)


class BodyFailed(NodeError):
    """A run of a node's body failed; the node may cope with it, or let it pass.

    `node_id` is the node in the body that failed, `at` where it was written.
    """

    def __init__(
        self, code: str, message: str, node_id: str, attempt: int, at: tuple[str | int, ...]
    ) -> None:
        self.node_id, self.attempt, self.at = node_id, attempt, at
        super().__init__(code, message)


class Context(NamedTuple):
    """What a running node knows: which run it is in, and the services that its host offers.

    `place` is the node's own in the run, turns of loops included: the same when it runs again after
    a crash, so that it can tell others that they have been asked before. `wait_for` ends the node's
    work until the answer is there; then the node runs again from its beginning. What it does `once`
    under a key is not done again then: what came of it is plain JSON, and kept. Calls of a
    service go `through` a circuit, which fails at once while the service is down. What costs is
    taken from the `budget` first. `tools` are what there is in a body of tools; the
    time is that of `now`.
    """

    run_id: str = "run"
    node_id: str = "node"
    attempt: int = 1
    input: Mapping[str, Json] = NOTHING
    services: Mapping[type, Any] = NOTHING
    variables: Mapping[str, Json] = NOTHING
    emit: Callable[[str, Json], None] = lambda kind, data: None
    run_body: RunBody = no_body
    place: str = ""
    wait_for: WaitFor = wait_here
    budget: Budget = UNLIMITED
    once: Once = every_time
    through: Through = straight
    tools: tuple[Tool, ...] = ()
    now: Callable[[], datetime] = utc_now

    def service(self, kind: type[Service]) -> Service:
        """Return the host's service of this kind; raise NodeError if it offers none."""
        found = self.services.get(kind)
        if not isinstance(found, kind):
            raise NodeError("no-service", f"This host offers no {kind.__name__}.")
        return found


class Node(BaseModel):
    """A node type: its fields are its configuration, `run` is its work.

    Text in a field is a template unless the field has a Role; `run` sees the values. `body_field`
    names the field that holds nodes and edges of the node's own, which `run` has run by
    `context.run_body(key, names, variables)`: `key` tells one run of the body from the others, and
    `names` are those of `body_names`. The body reads what the node could read, unless the type
    `is_isolated`: then its `input` is all that it has. Where the `body_is_tools`, one of its nodes
    runs at a time. `formula_names` are those that the node
    gives to the expressions it evaluates itself. Only a type that `sets_variables` may return some.
    One that `is_pure` does nothing but give its output, or choose a branch; one that `asks` waits
    for an answer, or for time to pass; one that `remembers` does things `once`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: ClassVar[str]
    also: ClassVar[tuple[str, ...]] = ()
    group: ClassVar[str] = "other"
    body_field: ClassVar[str | None] = None
    body_names: ClassVar[frozenset[str]] = frozenset()
    is_isolated: ClassVar[bool] = False
    body_is_tools: ClassVar[bool] = False
    formula_names: ClassVar[frozenset[str]] = frozenset()
    is_entry: ClassVar[bool] = False
    is_exit: ClassVar[bool] = False
    passes_data_on: ClassVar[bool] = False
    sets_variables: ClassVar[bool] = False
    is_pure: ClassVar[bool] = False
    asks: ClassVar[bool] = False
    remembers: ClassVar[bool] = False

    @classmethod
    def branches(cls, config: Mapping[str, Json]) -> Mapping[str, str | None] | None:
        """Return the branches this configuration has, each with the node it names, if it names one.

        None means that the type does not branch.
        """
        return None

    @classmethod
    def branch_path(cls, branch: str) -> tuple[str | int, ...]:
        """Return where in the configuration a branch's target is named."""
        return ()

    @classmethod
    def describe_output(cls, config: Mapping[str, Json]) -> Schema | None:
        """Return the JSON Schema of the output, or None where it can be anything."""
        return None

    @classmethod
    def stored_workflow(cls, config: Mapping[str, Json]) -> tuple[str, str | None] | None:
        """Return the id and version of the stored workflow that a node runs in place of a body.

        No version is the newest one.
        """
        return None

    @classmethod
    def effects(cls, config: Mapping[str, Json]) -> Effects:
        """Return what a node with this configuration can touch."""
        return Effects()

    @classmethod
    def body_runs(cls, config: Mapping[str, Json]) -> tuple[int, int | None]:
        """Return how often the body runs, at least and at most; None is without a limit."""
        return 1, 1

    @classmethod
    def writes(cls, config: Mapping[str, Json]) -> frozenset[str]:
        """Return the variables that a node with this configuration sets."""
        return frozenset()

    @classmethod
    def with_inferred(
        cls, config: Mapping[str, Json], properties: Mapping[str, Schema]
    ) -> dict[str, Json] | None:
        """Return the configuration completed so that the output has these properties.

        None means that the type cannot promise them, or has been told its output already.
        """
        return None

    @classmethod
    def as_tool(cls, config: Mapping[str, Json]) -> dict[str, Json]:
        """Return the configuration of a tool, with what the author left to a call's arguments."""
        return dict(config)

    @classmethod
    def tool_parameters(cls, config: Mapping[str, Json]) -> Schema | None:
        """Return the JSON Schema of a call's arguments, if this configuration tells."""
        return None

    @classmethod
    def tool_description(cls, config: Mapping[str, Json]) -> str | None:
        """Return what a tool with this configuration does, if it tells."""
        return None

    @classmethod
    def as_told(cls, output: Json) -> Json:
        """Return what a model is told of the output that a tool of this type gave."""
        return output

    @classmethod
    def is_toolbox(cls, config: Mapping[str, Json]) -> bool:
        """Say whether the node, as a tool, stands for several.

        Then its output names them, as `tools`, when the call is of none.
        """
        return False

    async def run(self, context: Context) -> Json | Outcome:
        """Do the work; return plain JSON, or an Outcome."""
        raise NotImplementedError
