"""Builds small workflows for tests, and runs them without a server."""

import copy
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from langchain_core.runnables import RunnableConfig

from flowc.compiler.compile import CompiledWorkflow, compile_workflow
from flowc.compiler.definition import Granularity
from flowc.compiler.guards import Guards
from flowc.compiler.lowering.graph import lower
from flowc.compiler.node import Context, Node, NodeError, Outcome
from flowc.compiler.node.registry import Registry
from flowc.compiler.planning.sections import sections_of
from flowc.compiler.reading.documents import from_data, read_text
from flowc.compiler.reading.library import Find, Library, StoredDefinition
from flowc.compiler.running.events import Event
from flowc.compiler.running.run_context import NodeFailed, RunContext, RunSecret, SecretLookup
from flowc.nodes.services.models import Models
from flowc.nodes.services.sandbox import Sandboxes
from flowc.nodes.standalone import Host

# Set by the fixture of the same name: most tests of workflows run under each.
GRANULARITY: Granularity = "auto"


class Turns(Counter[str]):
    """How often each node of a run has run so far."""


class Pick(Node):
    """Take the branches of a script, one each time the node runs; the last one repeats."""

    type: ClassVar = "pick"
    script: list[str]
    names: list[str]

    @classmethod
    def branches(cls, config: Mapping[str, Any]) -> Mapping[str, str | None]:
        return dict.fromkeys(config["names"])

    async def run(self, context: Context) -> Outcome:
        turns = context.service(Turns)
        turn = turns[context.node_id]
        turns[context.node_id] += 1
        return Outcome(turn, branch=self.script[min(turn, len(self.script) - 1)])


class Note(Node):
    """Count that the node ran."""

    type: ClassVar = "note"

    async def run(self, context: Context) -> int:
        turns = context.service(Turns)
        turns[context.node_id] += 1
        return turns[context.node_id]


@dataclass
class Ran:
    """What a run did."""

    output: Any
    outputs: dict[str, Any]
    events: list[Event] = field(default_factory=list)

    def times(self, kind: str = "node.completed") -> Counter[str]:
        return Counter(event.node_id or "" for event in self.events if event.kind == kind)


def registry(*more: type) -> Registry:
    return Registry([*Registry.installed(), Pick, Note, *more])


StoredVersion = tuple[str, str, Any]


def with_library(*stored: StoredVersion) -> Find:
    """Return a look-up in these workflows: id, version and definition, oldest first."""

    def find(id: str, version: str | None) -> StoredDefinition | None:
        own = [(v, data) for i, v, data in stored if i == id and version in {None, v}]
        return StoredDefinition(id, own[-1][0], from_data(own[-1][1])) if own else None

    return find


def compiled(
    text_or_data: Any, *more: type, stored: Sequence[StoredVersion] = ()
) -> CompiledWorkflow:
    is_text = isinstance(text_or_data, str)
    document = read_text(text_or_data) if is_text else from_data(text_or_data)
    library = Library(with_library(*stored))
    return compile_workflow(document, registry(*more), GRANULARITY, library)


async def run(
    workflow: CompiledWorkflow | Any,
    given: dict[str, Any] | None = None,
    services: Mapping[type, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
    stored: Sequence[StoredVersion] = (),
    **context_fields: Any,
) -> Ran:
    """Run a workflow on LangGraph alone, and return what it did; raise NodeFailed if it fails.

    At granularity auto, where running it again is harmless, it also runs at the others and as an
    exported graph, and must have the same output and, at the others, the same events.
    """
    if not isinstance(workflow, CompiledWorkflow):
        workflow = compiled(workflow, stored=stored)
    given, services, secrets = given or {}, services or {}, secrets or {}
    is_harmless = GRANULARITY == "auto" and not context_fields and _can_run_again(services)
    failure: NodeFailed | None = None
    ran = Ran(None, {})
    try:
        ran = await _run(workflow, given, services, secrets, context_fields)
    except NodeFailed as problem:
        failure = problem
    if is_harmless:
        code = failure.code if failure else None
        for sections in (sections_of(workflow.plan, "node"), sections_of(workflow.plan, "fused")):
            other = replace(workflow, graph=lower(workflow.plan, sections))
            await _require_same(other, given, services, secrets, ran, code)
        again = await _exported(workflow, given, services, secrets)
        assert again == (code or (ran.output,))
    if failure is not None:
        raise failure
    return ran


async def _require_same(
    workflow: CompiledWorkflow,
    given: dict[str, Any],
    services: Mapping[type, Any],
    secrets: Mapping[str, str],
    ran: Ran,
    code: str | None,
) -> None:
    again = {**services, Turns: Turns()} if Turns in services else services
    try:
        other = await _run(workflow, given, again, secrets, {})
    except NodeFailed as failure:
        assert failure.code == code
        return
    assert code is None
    assert other.outputs == ran.outputs
    assert _events_of(other) == _events_of(ran)


def _events_of(ran: Ran) -> Counter[tuple[str, str | None, str]]:
    return Counter((event.kind, event.node_id, event.path) for event in ran.events)


async def _run(
    workflow: CompiledWorkflow,
    given: dict[str, Any],
    services: Mapping[type, Any],
    secrets: Mapping[str, str],
    context_fields: Mapping[str, Any],
) -> Ran:
    events: list[Event] = []
    context = RunContext(
        emit=events.append,
        services={Turns: Turns(), **services},
        **{"guards": Guards(), "secret": secrets_of(secrets), **context_fields},
    )
    graph = copy.copy(workflow.graph)
    config: RunnableConfig = {"recursion_limit": 2_000}
    state = await graph.ainvoke(workflow.initial_state(given), config, context=context)
    outputs = dict(state["outputs"])
    return Ran(workflow.plan.result(outputs), outputs, events)


def secrets_of(values: Mapping[str, str]) -> SecretLookup:
    """Return a lookup of these secrets, which may be sent anywhere."""

    async def secret(name: str, workflow_id: str | None) -> RunSecret | None:
        value = values.get(name)
        return None if value is None else RunSecret(value)

    return secret


def _can_run_again(services: Mapping[type, Any]) -> bool:
    models = services.get(Models)
    is_offline = models is None or not models.aliases
    return is_offline and all(kind in {Turns, Models, Sandboxes} for kind in services)


async def _exported(
    workflow: CompiledWorkflow,
    given: dict[str, Any],
    services: Mapping[type, Any],
    secrets: Mapping[str, str],
) -> Any:
    """Return the output of the exported graph, in a tuple, or the code of its failure."""
    module: dict[str, Any] = {"__name__": "exported"}
    exec(compile(workflow.exported(), "exported.py", "exec"), module)
    host = Host("run", "workflow", {**services, Turns: Turns()}, secrets.get)
    try:
        return (await module["run"](given, host),)
    except NodeError as problem:
        return problem.code
