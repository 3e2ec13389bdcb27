"""What a running node gets from its run: services, variables, a budget, ways to wait and to emit.

Every field has a default that works alone, so that a node type can be run in a test:

    outcome = await Say(text="Hello").run(Context())
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol, TypeVar

from flowc.compiler.definition import VariableDeclaration
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node.budget import UNLIMITED, Budget
from flowc.compiler.node.errors import NodeError
from flowc.compiler.node.interrupts import WaitFor, wait_here
from flowc.compiler.node.lasting import LastingVariables
from flowc.compiler.node.outcome import NOTHING, BodyResult, Json, NodeUsage

Service = TypeVar("Service")
Through = Callable[[str, Callable[[], Awaitable[Any]]], Awaitable[Any]]
Once = Callable[[str, Callable[[], Awaitable[Json]]], Awaitable[Json]]


class AddUsage(Protocol):
    """Records what was spent, and the `model` that it was spent on, where it is one."""

    def __call__(self, usage: NodeUsage, model: str | None = None) -> None:
        """Add what was used to the usage of the node."""
        ...


class RunBody(Protocol):
    """Runs a node's body; in a body of tools, `only` names the one that is called."""

    async def __call__(
        self,
        key: str,
        names: Mapping[str, Json],
        variables: Mapping[str, Json],
        only: str | None = None,
    ) -> BodyResult:
        """Run the body under its own key; raise BodyFailed, or Interrupted if it waits."""
        ...


async def no_body(
    key: str, names: Mapping[str, Json], variables: Mapping[str, Json], only: str | None = None
) -> BodyResult:
    """Raise NodeError: the node type has no body to run."""
    raise NodeError("no-body", "The node has no body.")


async def every_time(key: str, work: Callable[[], Awaitable[Json]]) -> Json:
    """Do the work each time: there is no journal to read its result from."""
    return await work()


async def straight(target: str, work: Callable[[], Awaitable[Json]]) -> Json:
    """Call a service without a circuit breaker."""
    return await work()


def uncounted(usage: NodeUsage, model: str | None = None) -> None:
    """Do nothing: no one counts what is spent."""


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


class Tool(NamedTuple):
    """Something a model may call: a node of the body, by its id.

    A toolbox offers several tools; its output lists them.
    """

    name: str
    description: str
    parameters: Schema
    needs_approval: bool = False
    is_toolbox: bool = False


class Context(NamedTuple):
    """The run a node works in, and what it may use there.

    - `place` identifies this execution of the node in the run, turns of loops included. It is the
      same after a crash, so it serves as an idempotency key for requests to other services.
    - `wait_for(ask)` ends the node's work until the answer exists; then the node runs again from
      its beginning, and the same call returns the answer.
    - `once(key, work)` does the work the first time only; later it returns the stored result,
      which must be plain JSON.
    - `through(target, call)` calls a service through a circuit breaker, which fails at once while
      the service is down.
    - `budget.reserved(...)` sets aside what a model call may cost, before the call.
    - `add_usage(usage, model)` records what was spent, and on which model, as soon as it is known.
      So it counts also if this attempt fails; only what was not recorded belongs into the `usage`
      of the outcome.
    - `run_body(key, names, variables)` runs the node's own nodes and edges.
    - `tools` are the tools in the body; `now()` is the time, which tests can set.
    - `lasting` stores variables that outlive the run; `declared` are the workflow's declarations,
      and `stored_in` is the id of the stored workflow that the node is in, if the run's own
      workflow runs that one.
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
    add_usage: AddUsage = uncounted
    lasting: LastingVariables | None = None
    declared: Mapping[str, VariableDeclaration] = NOTHING
    stored_in: str | None = None

    def service(self, kind: type[Service]) -> Service:
        """Return the service of this class; raise NodeError if the host has none."""
        found = self.services.get(kind)
        if not isinstance(found, kind):
            raise NodeError("no-service", f"This host has no {kind.__name__} service.")
        return found
