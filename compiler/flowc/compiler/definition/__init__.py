"""What does a workflow definition consist of, whatever form it was written in?"""

import hashlib
import json
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import Schema, to_json_schema
from flowc.compiler.diagnostics import Pointer

JsonSchema = Annotated[
    Schema,
    BeforeValidator(to_json_schema),
    WithJsonSchema(
        {
            "type": ["object", "string", "array"],
            "description": "A JSON Schema, or its short form: {message: string, tags: [string]}.",
        }
    ),
]


class Part(BaseModel):
    """What every part of a definition has in common: it is strict, and does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    _at: Pointer = PrivateAttr(default=())

    @property
    def at(self) -> Pointer:
        """Where in its document this part was written."""
        return self._at


FailureKind = Literal["timeout", "connection", "rate-limit", "server-error", "bad-answer"]
PASSING: tuple[FailureKind, ...] = get_args(FailureKind)


class RetryPolicy(Part):
    """How often, and after what pauses, a failed node is tried again."""

    max_attempts: int = Field(default=3, ge=1, le=100, description="Attempts, the first included.")
    initial_delay: Duration = 1.0
    backoff: float = Field(default=2.0, ge=1, le=10, description="Each pause is so much longer.")
    max_delay: Duration = 60.0
    jitter: bool = True
    on: tuple[FailureKind | Literal["any"], ...] = Field(
        default=PASSING,
        min_length=1,
        description="The kinds of failure after which another attempt is made; `any` is every one.",
    )


class CachePolicy(Part):
    """How long an output may stand in for running the node again on the same configuration."""

    ttl: Duration


class Concurrency(Part):
    """How many nodes that give the same key may work at once, in this process."""

    key: str = Field(min_length=1, description="A template, such as {{input.customer}}.")
    max_parallel: int = Field(default=1, ge=1, le=10_000)


class Coordinates(Part):
    """Where an editor draws a node; it has no meaning for the run."""

    x: float
    y: float


class GoOn(Part):
    """After a failure, go on as if the node had given this output."""

    output: Any = None


class GoTo(Part):
    """After a failure, go to another node, which reads `error`."""

    goto: str


class NodeOptions(Part):
    """What can be said of a node whatever its type, in either form of a definition."""

    name: str | None = None
    description: str | None = None
    join: Literal["any", "all"] = Field(
        default="any", description="Run when one incoming edge is live, or only when all are."
    )
    retry: RetryPolicy | None = None
    timeout: Duration | None = Field(default=None, description="For one attempt.")
    cache: CachePolicy | None = None
    concurrency: Concurrency | None = None
    disabled: bool = Field(
        default=False, description="Leave it out: what leads to it leads on to what follows it."
    )
    on_error: Literal["fail", "continue"] | GoOn | GoTo = Field(
        default="fail",
        description="When all attempts failed: `fail`, `continue`, {output: …} or {goto: node}.",
    )
    metadata: dict[str, Any] = Field(default_factory=dict)

    @property
    def error_target(self) -> str | None:
        """The node to go to after a failure, if there is one."""
        return self.on_error.goto if isinstance(self.on_error, GoTo) else None


class NodeDefinition(NodeOptions):
    """One node: what it is (`type`), how it is set up (`config`), and when it runs."""

    id: str = Field(description="The name other nodes use: {{id.output}}.")
    type: str
    config: dict[str, Any] = Field(default_factory=dict)
    depends_on: tuple[str, ...] | None = Field(
        default=None, description="Nodes that come directly before this one."
    )
    position: Coordinates | None = None

    _config_key: str = PrivateAttr(default="config")
    _is_step: bool = PrivateAttr(default=False)

    @property
    def is_step(self) -> bool:
        """Whether data flows to it along `depends_on`, as in the steps form."""
        return self._is_step

    def config_at(self, *path: str | int) -> Pointer:
        """Return where in the document a value of the configuration was written."""
        return (*self.at, self._config_key, *path)


class ToolDefinition(NodeDefinition):
    """A node that a model may call, as often as it likes: `id` is its name as a tool.

    What a call gives is read as `{{arguments.city}}`.
    """

    parameters: JsonSchema | None = Field(
        default=None, description="The arguments of a call; else what the node reads of them."
    )
    approval: bool = Field(default=False, description="Whether a person has to allow each call.")

    @model_validator(mode="after")
    def _comes_after_nothing(self) -> "ToolDefinition":
        if self.depends_on:
            raise ValueError("a tool runs when it is called, and depends on nothing")
        return self


MAX_NODES = 5_000


def _require_few(given: Any) -> Any:
    """Refuse more nodes than a workflow may have, before any of them is looked at."""
    if isinstance(given, (list, tuple, dict)) and len(given) > MAX_NODES:
        counts = {"given": f"{len(given):,}", "most": f"{MAX_NODES:,}"}
        template = "There are {given} nodes; {most} are the most"
        raise PydanticCustomError("too-many-nodes", template, counts)
    return given


FEW = BeforeValidator(_require_few)
Nodes = Annotated[tuple[NodeDefinition, ...], FEW]


class EdgeDefinition(Part):
    """A way from one node to another, taken on one branch of its source or on any."""

    source: str
    target: str
    branch: str | None = Field(default=None, description="Only when the source chose this branch.")
    id: str | None = None


Granularity = Literal["node", "fused"]


class BudgetLimits(Part):
    """What one run may spend on models; a call that could exceed it is not made."""

    cost: float | None = Field(default=None, gt=0, description="US dollars.")
    tokens: int | None = Field(default=None, ge=1)


class WorkflowBudget(BudgetLimits):
    """What all runs of a stored workflow may spend on models together, in each stretch of time."""

    per: Literal["day", "month"] = Field(default="month", description="Of the calendar, in UTC.")


class RunRate(Part):
    """How many runs may begin within a time."""

    runs: int = Field(ge=1, le=1_000_000)
    per: Duration


class WorkflowSettings(Part):
    """What holds for a whole run."""

    timeout: Duration | None = Field(
        default=None, description="How long a run may be worked on; what it waits does not count."
    )
    retry: RetryPolicy | None = Field(default=None, description="For nodes that name none.")
    max_parallel: int | None = Field(
        default=None, ge=1, le=10_000, description="Nodes at work at once in one run."
    )
    max_parallel_by_type: dict[str, Annotated[int, Field(ge=1, le=10_000)]] = Field(
        default_factory=dict, description="The same, for node types by their names."
    )
    max_runs: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="Runs of this workflow at work at once, on all machines; the others wait for"
        " their turn.",
    )
    rate: RunRate | None = Field(
        default=None, description="How many of its runs begin within a time; the others are later."
    )
    budget: BudgetLimits = BudgetLimits()
    workflow_budget: WorkflowBudget | None = Field(
        default=None, description="For all runs of the stored workflow; `budget` is for each run."
    )
    granularity: Granularity = Field(
        default="node",
        description="`node`: LangGraph sees every node, and nodes begin in steps, so that one that"
        " waits for somebody holds up those after its neighbours. `fused`: it sees one node, and"
        " each begins as soon as its own inputs are there.",
    )


class WorkflowHeader(Part):
    """What can be said of a workflow besides its nodes, in either form of a definition."""

    id: str | None = None
    name: str | None = None
    description: str | None = None
    version: str | int | None = None
    input: JsonSchema | None = None
    output: JsonSchema | None = None
    variables: dict[str, Any] = Field(default_factory=dict)
    settings: WorkflowSettings = WorkflowSettings()
    metadata: dict[str, Any] = Field(default_factory=dict)


class BodyDefinition(Part):
    """The nodes and edges that run inside of a node."""

    nodes: Nodes
    edges: tuple[EdgeDefinition, ...] = ()


class WorkflowDefinition(WorkflowHeader):
    """A workflow: nodes, and the edges between them."""

    nodes: Nodes
    edges: tuple[EdgeDefinition, ...] = ()

    _samples: bool = PrivateAttr(default=False)

    @property
    def samples(self) -> bool:
        """Whether the nodes are samples, each to be looked at by itself."""
        return self._samples

    def place_parts(self, at: Pointer) -> None:
        """Note in each node and edge where it was written, the whole being written here."""
        for kind, parts in (("nodes", self.nodes), ("edges", self.edges)):
            for index, part in enumerate(parts):
                part._at = (*at, kind, index)

    @property
    def title(self) -> str:
        """A name to call the workflow by."""
        return self.name or self.id or "workflow"

    def meaning(self) -> dict[str, Any]:
        """Return all of the definition that has a meaning, as JSON."""
        return self.model_dump(mode="json", exclude=_WITHOUT_MEANING, exclude_defaults=True)

    @property
    def hash(self) -> str:
        """A digest of what the definition means; layout, key order and names do not count."""
        text = json.dumps(self.meaning(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


_WITHOUT_MEANING: Any = {
    "name": True,
    "description": True,
    "version": True,
    "metadata": True,
    "nodes": {"__all__": {"name", "description", "position", "metadata"}},
    "edges": {"__all__": {"id"}},
}
