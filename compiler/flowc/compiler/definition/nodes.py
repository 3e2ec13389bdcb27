"""Nodes, tools and edges of a definition, and the options that every node has."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.failures import PASSING, FailureWord
from flowc.compiler.definition.parts import JsonSchema, Part
from flowc.compiler.diagnostics import Pointer


class RetryPolicy(Part):
    """How often a failed node is retried, and how long the delays between attempts are."""

    max_attempts: int = Field(
        default=3, ge=1, le=100, description="Attempts, including the first one."
    )
    initial_delay: Duration = Field(default=1.0, description="Delay before the second attempt.")
    backoff: float = Field(
        default=2.0, ge=1, le=10, description="Factor by which each delay grows."
    )
    max_delay: Duration = Field(
        default=60.0, description="Longest delay, even if a service asks for a longer one."
    )
    jitter: bool = Field(
        default=True, description="Add a random part to each delay: up to half of `initial_delay`."
    )
    on: tuple[FailureWord, ...] = Field(
        default=PASSING,
        min_length=1,
        description="Failures that are retried: kinds, statuses of HTTP (`429`, `5xx`) and codes of"
        " errors; `any` means every failure.",
    )


class NodeRetry(RetryPolicy):
    """How a node is retried, depending also on what failed, and on its output."""

    when: str | None = Field(
        default=None,
        description="Retry a failure that `on` selects only if this condition holds; reads"
        " `error`: {{error.status}} == 409.",
        json_schema_extra={"format": "condition"},
    )
    until: str | None = Field(
        default=None,
        description="Retry also without a failure, until this condition holds; reads `output`:"
        " {{output.state}} == 'done'. After the last attempt, the node fails with `not-yet`.",
        json_schema_extra={"format": "condition"},
    )


class CachePolicy(Part):
    """Reuse the output of an earlier execution on the same configuration and inputs."""

    ttl: Duration = Field(description="How long an output may be reused.")


class Concurrency(Part):
    """Limit how many nodes with the same key work at once in one process."""

    key: str = Field(
        min_length=1, description="A template whose value is the key: {{input.customer}}."
    )
    max_parallel: int = Field(
        default=1, ge=1, le=10_000, description="Most nodes that work at once with one key."
    )


class Coordinates(Part):
    """Where an editor draws the node; runs ignore it."""

    x: float
    y: float


class GoOn(Part):
    """After a failure, continue as if the node had returned this output."""

    output: Any = None


class GoTo(Part):
    """After a failure, continue at another node, which can read `error`."""

    goto: str = Field(description="The id of that node.")


class AtLeast(Part):
    """A join that is decided as soon as this many of its incoming edges are live."""

    at_least: int = Field(ge=1, description="How many incoming edges must be live.")


JoinRule = Literal["any", "all", "first"] | AtLeast


class NodeOptions(Part):
    """The options that every node has, whatever its type, in both forms of a definition."""

    name: str | None = Field(default=None, description="A title for people.")
    description: str | None = Field(
        default=None,
        description="What the node does; for a tool, this is what the model reads about it.",
    )
    join: JoinRule = Field(
        default="any",
        description="Which incoming edges must be live for the node to run: `any` (at least one)"
        " or `all`; in both cases it first waits until every one of them is decided. `first` and"
        " {at_least: 2} do not wait: the node runs as soon as one edge, or that many, are live, and"
        " what only led to it is cancelled.",
    )
    retry: NodeRetry | None = Field(
        default=None, description="How failed attempts are retried; default: `settings.retry`."
    )
    max_retries: int | None = Field(
        default=None,
        ge=0,
        le=99,
        description="Retries after the first attempt, whatever the failure: a short form of"
        " `retry`.",
    )
    retry_delay: Duration | None = Field(
        default=None,
        description="The same delay before each retry; default: they grow from one second.",
    )
    timeout: Duration | None = Field(default=None, description="Time limit for one attempt.")
    timeout_seconds: float | None = Field(
        default=None, gt=0, le=366 * 86400.0, description="The same as `timeout`, in seconds."
    )
    merge: Literal["fields", "keyed"] | None = Field(
        default=None,
        description="How the outputs of several nodes become the data of this one: `fields` (one"
        " object with the fields of all) or `keyed` (each under the id of its node); default:"
        " `fields` for `process` and `ai` in the steps form, else `keyed`.",
    )
    cache: CachePolicy | None = Field(
        default=None, description="Reuse earlier outputs on the same configuration and inputs."
    )
    concurrency: Concurrency | None = Field(
        default=None, description="Limit how many nodes with the same key work at once."
    )
    disabled: bool = Field(
        default=False,
        description="Skip this node: its incoming edges go straight to the nodes after it.",
    )
    on_error: Literal["fail", "continue"] | GoOn | GoTo = Field(
        default="fail",
        description="What happens when all attempts have failed: `fail` ends the run, `continue`"
        " continues with a null output, {output: …} with this output, {goto: node} at that node.",
    )
    metadata: dict[str, Any] = Field(
        default_factory=dict, description="Any JSON of your own; runs ignore it."
    )

    @model_validator(mode="after")
    def _short_forms(self) -> "NodeOptions":
        if self.retry_delay is not None and self.max_retries is None:
            raise ValueError("`retry_delay` needs `max_retries`")
        if self.max_retries is not None:
            self._set("retry", _retries(self.max_retries, self.retry_delay), "max_retries")
        if self.timeout_seconds is not None:
            self._set("timeout", self.timeout_seconds, "timeout_seconds")
        return self

    def _set(self, name: str, value: Any, short: str) -> None:
        if name in self.model_fields_set:
            raise ValueError(f"a node can have `{name}` or `{short}`, not both")
        # The model is frozen for others; its fields set stay those that the author wrote.
        object.__setattr__(self, name, value)

    @property
    def quorum(self) -> int | None:
        """How many live edges decide the node's join; None if it waits for all its edges."""
        if isinstance(self.join, AtLeast):
            return self.join.at_least
        return 1 if self.join == "first" else None

    @property
    def join_text(self) -> str:
        """The rule of the node's join in words: `any`, `all`, `first` or `at least 2`."""
        return f"at least {self.quorum}" if isinstance(self.join, AtLeast) else self.join

    @property
    def error_target(self) -> str | None:
        """The node at which the workflow continues after a failure, if there is one."""
        return self.on_error.goto if isinstance(self.on_error, GoTo) else None


def _retries(most: int, delay: float | None) -> NodeRetry:
    """Return the policy of `max_retries`: any failure, with a fixed or a growing delay."""
    policy = NodeRetry(max_attempts=most + 1, on=("any",))
    if delay is None:
        return policy
    fixed = {"initial_delay": delay, "max_delay": delay, "backoff": 1.0, "jitter": False}
    return policy.model_copy(update=fixed)


class NodeDefinition(NodeOptions):
    """A node: its type, its configuration, and what it depends on."""

    id: str = Field(description="The name other nodes use: {{id.output}}.")
    type: str = Field(description="A node type; `flowc nodes` lists them.")
    config: dict[str, Any] = Field(
        default_factory=dict, description="The configuration; its keys depend on the type."
    )
    depends_on: tuple[str, ...] | None = Field(
        default=None, description="Nodes directly before this one: a short form of edges."
    )
    position: Coordinates | None = Field(
        default=None, description="Where an editor draws the node; runs ignore it."
    )

    _config_key: str = PrivateAttr(default="config")
    _is_step: bool = PrivateAttr(default=False)
    # For paths in the configuration, those where the author wrote the value, in another tool's way.
    _moved: Mapping[Pointer, Pointer] = PrivateAttr(default_factory=dict)

    @property
    def is_step(self) -> bool:
        """Whether data flows to the node along `depends_on`, as in the steps form."""
        return self._is_step

    def config_at(self, *path: str | int) -> Pointer:
        """Return the path, in the document, of a value in the configuration."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._moved:
                path = (*self._moved[path[:length]], *path[length:])
                break
        return (*self.at, self._config_key, *path)


class ToolDefinition(NodeDefinition):
    """A node that a model may call any number of times; its `id` is the name of the tool.

    It reads the arguments of a call as `{{arguments.city}}`.
    """

    parameters: JsonSchema | None = Field(
        default=None,
        description="Schema of the arguments; default: the arguments that the node reads.",
    )
    approval: bool = Field(default=False, description="Whether a person must approve each call.")

    @model_validator(mode="after")
    def _comes_after_nothing(self) -> "ToolDefinition":
        if self.depends_on:
            raise ValueError("a tool runs when it is called and cannot depend on other nodes")
        return self


MAX_NODES = 10_000


def _require_few(given: Any) -> Any:
    """Refuse more nodes than a workflow may have, before pydantic validates any of them."""
    if isinstance(given, (list, tuple, dict)) and len(given) > MAX_NODES:
        counts = {"given": f"{len(given):,}", "most": f"{MAX_NODES:,}"}
        template = "A workflow can have at most {most} nodes; this one has {given}"
        raise PydanticCustomError("too-many-nodes", template, counts)
    return given


FEW = BeforeValidator(_require_few)
Nodes = Annotated[tuple[NodeDefinition, ...], FEW]


def _as_branch(given: Any) -> Any:
    """Return the name of a branch; YAML reads true and false without quotes as booleans."""
    return str(given).lower() if isinstance(given, bool) else given


class EdgeDefinition(Part):
    """An edge from one node to another."""

    source: str
    target: str
    branch: Annotated[str | None, BeforeValidator(_as_branch)] = Field(
        default=None,
        description="Take the edge only if the source chooses this branch; default: on every one.",
    )
    max_turns: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="On an edge that closes a loop: most turns of the loop, including the first."
        " Instead of beginning one more, its source fails with the code `too-many-turns`."
        " Default: `settings.max_turns`, or else 100.",
    )
    id: str | None = Field(default=None, description="A name for editors; runs ignore it.")
