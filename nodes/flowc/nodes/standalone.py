"""What a graph written by `flowc export` imports: node types, expressions and joins, no compiler.

An exported graph is plain LangGraph. Each of its nodes calls `run_node(...)`, which evaluates the
configuration, runs the node type with its retries, and returns what to write to the state.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypedDict

from pydantic import ValidationError

from flowc.compiler.analysis.graph import DONE, ERROR
from flowc.compiler.definition import NodeRetry
from flowc.compiler.definition.environment_values import EnvironmentValue, values_of
from flowc.compiler.definition.start_forms import with_defaults
from flowc.compiler.expressions import (
    RECORDED,
    Names,
    RecordedValues,
    compile_condition,
    compile_formula,
    compile_template,
)
from flowc.compiler.node import BodyResult, Context, Formula, Node, NodeError, Outcome, Tool
from flowc.compiler.node.context import no_body
from flowc.compiler.node.errors import error_as_json
from flowc.compiler.node.interrupts import Answer, Ask, Interrupted, wait_here
from flowc.compiler.planning.closings import Closing
from flowc.compiler.planning.exits import result_of
from flowc.compiler.running.explanations import explained
from flowc.compiler.running.failures import misfit
from flowc.compiler.running.names import incoming_data, names_of
from flowc.compiler.running.outcomes import plain_outcome, require_fit
from flowc.compiler.running.reads import GraphStep, values_of_step
from flowc.compiler.running.redaction import Redactor
from flowc.compiler.running.retries import with_retries, with_time_limit
from flowc.compiler.running.retry_conditions import written_conditions
from flowc.compiler.running.run_context import View
from flowc.compiler.running.settlement import merge_edges
from flowc.compiler.running.turns import exceeded_turns, turns_after
from flowc.nodes.failed_bodies import as_body_failure, note_variables, noting_variables
from flowc.nodes.services.egress import EgressPolicy, HttpClient
from flowc.nodes.services.files import Files, HeldFiles
from flowc.nodes.services.models import Models, read_models_file
from flowc.nodes.services.sandbox import Sandboxes
from flowc.nodes.services.sandbox.monty_engine import MontyEngine
from flowc.nodes.standalone_edges import Joins, NodeDone, closing

__all__ = [
    "Body", "Host", "Joins", "NodeDone", "Options", "State", "Tool", "closing", "condition",
    "formula", "formula_condition", "main", "run_graph", "run_node", "template",
]  # fmt: skip

OFFLINE = "offline/echo"


def _latest(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> dict[str, Any]:
    return {**(old or {}), **new}


def _settled(old: Mapping[str, Any] | None, new: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return merge_edges(old or {}, new)


class State(TypedDict, total=False):
    """A run's state.

    In a body, `names` are those of the turn or item, and `outer` has the outputs of the nodes
    around it. In a body of tools, `only` names the one to run. `turns` counts how often edges that
    close loops were taken.
    """

    input: dict[str, Any]
    variables: dict[str, Any]
    names: dict[str, Any]
    outer: dict[str, Any]
    only: str
    outputs: Annotated[dict[str, Any], _latest]
    written: Annotated[dict[str, Any], _latest]
    edges: Annotated[dict[str, Any], _settled]
    turns: Annotated[dict[str, Any], _latest]


def _secret_variable(name: str) -> str | None:
    return os.environ.get(f"FLOWC_SECRET_{name.upper()}")


def _secret_hint(name: str) -> str:
    return f"Set FLOWC_SECRET_{name.upper()} in the environment."


@dataclass(frozen=True)
class Host:
    """The services for the nodes; by default, a secret is read from FLOWC_SECRET_NAME."""

    run_id: str = "run"
    workflow: str = "workflow"
    services: Mapping[type, Any] = field(default_factory=dict)
    secret: Callable[[str], str | None] = _secret_variable

    @classmethod
    def usual(cls) -> "Host":
        """Return a host with models, HTTP and the code sandbox.

        Models are those of FLOWC_MODELS_FILE; FLOWC_DEFAULT_MODEL is the default one.
        """
        file = os.environ.get("FLOWC_MODELS_FILE")
        aliases = read_models_file(Path(file)) if file else {}
        models = Models(aliases, default_model=os.environ.get("FLOWC_DEFAULT_MODEL", OFFLINE))
        services: list[Any] = [models, HttpClient(EgressPolicy()), Sandboxes((MontyEngine(),))]
        by_type = {type(service): service for service in services}
        return cls(services={**by_type, Files: HeldFiles()})

    async def aclose(self) -> None:
        """Close the services."""
        for service in self.services.values():
            if hasattr(service, "aclose"):
                await service.aclose()


@dataclass(frozen=True)
class Body:
    """A graph that a node runs; its output is that of its `exits`.

    An isolated one is a sub-workflow: it sees only its input, and `input` and `output` are the
    schemas that it declares.
    """

    graph: Any
    exits: tuple[str, ...]
    is_isolated: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)
    input: Mapping[str, Any] | None = None
    output: Mapping[str, Any] | None = None
    tools: tuple[Tool, ...] = ()


@dataclass(frozen=True)
class Options:
    """The options of a node: retries, failures, secrets, the nodes its data comes from, its body.

    If it `takes_first`, its data is the output of the one of these nodes that has won a race.

    With `copes`, the run continues if the node fails: with `output_on_error`, or with
    `goes_on_error` on the branch `error`. A node that asks a person does so by LangGraph's
    `interrupt`, passed as `ask`: the graph needs a checkpointer, and `Command(resume=ANSWER)`
    resumes it. With a checkpointer, a node with a `step` reads the same time and random values when
    LangGraph runs it again. `closes` are the edges out of the node that close loops.
    """

    retry: Mapping[str, Any] = field(default_factory=lambda: {"max_attempts": 1})
    timeout: float | None = None
    copes: bool = False
    output_on_error: Any = None
    goes_on_error: bool = False
    secrets: tuple[str, ...] = ()
    data_from: tuple[str, ...] = ()
    merges: bool = False
    takes_first: bool = False
    body: Body | None = None
    ask: Callable[[Any], Any] | None = None
    step: GraphStep | None = None
    closes: tuple[Closing, ...] = ()
    env: Mapping[str, EnvironmentValue] = field(default_factory=dict)


def template(source: str, names: Names) -> Any:
    """Return a text with its `{{...}}` filled in; a single expression keeps its JSON type.

    >>> template("{{input.n}}", {"input": {"n": 3}}), template("n={{input.n}}", {"input": {"n": 3}})
    (3, 'n=3')
    """
    return compile_template(source).evaluate(names)


def condition(source: str, names: Names) -> bool:
    """Return whether a condition holds.

    >>> condition("{{input.n}} > 2", {"input": {"n": 3}})
    True
    """
    return bool(compile_condition(source).evaluate(names))


def formula(source: str, names: Names) -> Formula:
    """Return an expression that a node evaluates itself, with additional names such as `item`."""
    return Formula(compile_formula(source), names)


def formula_condition(source: str, names: Names) -> Formula:
    """Return a condition that a node evaluates itself, with additional names such as `item`."""
    return Formula(compile_condition(source), names)


async def run_node(
    name: str,
    make: Callable[[Names], Node],
    state: State,
    host: Host | None,
    options: Options = Options(),
) -> NodeDone:
    """Make a node from its names and run it; raise NodeError if it fails and does not cope."""
    host = host or Host()
    secrets = {key: value for key in options.secrets if (value := host.secret(key)) is not None}
    values = values_of_step(options.step) if options.step is not None else None
    work = _Work(name, state, host, options, secrets, Redactor(secrets.values()), values)
    try:
        outcome = await work.run(make)
        branch = outcome.branch or (DONE if options.goes_on_error else None)
        turns = work.turns(branch)
    except Interrupted as stopped:
        # Not a failure: LangGraph must get its own exception to save the state and stop.
        raise stopped.__cause__ or stopped from None
    except Exception as problem:
        about: Any = (work.redactor, _secret_hint)
        failure = explained(problem, name, work.kind, *about, reads_any_secret=bool(secrets))
        if not options.copes:
            raise as_body_failure(failure, name, work.attempts) from None
        return work.coped(failure)
    output = outcome.output if state.get("only") != name else work.as_tool_result(outcome.output)
    update: dict[str, Any] = {"outputs": {name: output}, **turns}
    if outcome.variables:
        update["written"] = dict(outcome.variables)
        note_variables(outcome.variables)
    return NodeDone(update, branch)


@dataclass
class _Work:
    name: str
    state: State
    host: Host
    options: Options
    secrets: Mapping[str, str]
    redactor: Redactor
    values: RecordedValues | None
    kind: str = "node"
    as_tool_result: Callable[[Any], Any] = lambda output: output
    attempts: int = 0

    async def run(self, make: Callable[[Names], Node]) -> Outcome:
        try:
            node = make(self._names())
        except ValidationError as problem:
            raise misfit(problem) from None
        self.kind, self.as_tool_result = node.type, node.shown_to_model
        policy = NodeRetry.model_validate(self.options.retry)
        on = written_conditions(policy, self.name, self._names(), lambda: self.attempts)
        return await with_retries(policy, partial(self._attempt, node), lambda *_: None, on)

    async def _attempt(self, node: Node) -> Outcome:
        self.attempts += 1
        if self.values is not None:
            self.values.restart("work")
        work: Callable[[], Awaitable[Any]] = partial(node.run, self._context())
        if self.options.timeout is not None:
            work = partial(with_time_limit, self.options.timeout, work)
        result = await work()
        outcome = result if isinstance(result, Outcome) else Outcome(result)
        return await plain_outcome(outcome, self.redactor)

    def coped(self, failure: NodeError) -> NodeDone:
        """Return how the run continues after a failure; raise NodeError after too many turns."""
        error = error_as_json(failure, self.name, self.attempts)
        branch = ERROR if self.options.goes_on_error else None
        outputs = {} if branch is ERROR else {self.name: self.options.output_on_error}
        return NodeDone({"outputs": {**outputs, "error": error}, **self.turns(branch)}, branch)

    def turns(self, branch: str | None) -> dict[str, Any]:
        """Return what the branch changes in the counts of turns; raise NodeError if too many."""
        closes, counts = self.options.closes, self.state.get("turns", {})
        if (excess := exceeded_turns(closes, branch, counts)) is not None:
            raise excess
        found = turns_after(closes, branch, counts)
        return {"turns": found} if found else {}

    def _context(self) -> Context:
        return Context(
            run_id=self.host.run_id,
            node_id=self.name,
            attempt=self.attempts,
            input=self.state.get("input", {}),
            services=self.host.services,
            variables=_variables(self.state),
            run_body=self._run_body if self.options.body is not None else no_body,
            wait_for=self._wait_for if self.options.ask is not None else wait_here,
            tools=self.options.body.tools if self.options.body is not None else (),
        )

    async def _wait_for(self, ask: Ask) -> Answer:
        if ask.kind == "timer" or self.options.ask is None:
            return await wait_here(ask)
        try:
            return Answer(
                self.options.ask({"kind": ask.kind, **self.redactor.json(dict(ask.data))})
            )
        except Exception as stopped:
            raise Interrupted from stopped

    def _names(self) -> Names:
        state = self.state
        given = {**state.get("outer", {}), **state.get("outputs", {})}
        view = View(state.get("input", {}), given, _variables(state), state.get("names", {}))
        run = {"id": self.host.run_id, "workflow": self.host.workflow}
        reads, env = [name for name in given if name != "error"], self.options.env
        found = {name: os.environ.get(f"FLOWC_ENV_{name.upper()}") for name in env}
        names = names_of(view, reads, run, self.secrets, values_of(env, found))
        recorded = {RECORDED: self.values} if self.values is not None else {}
        options = self.options
        how = {"merges": options.merges, "is_of_first": options.takes_first}
        incoming = incoming_data(options.data_from, view, **how)
        return {**names, **recorded, "incoming": incoming}

    async def _run_body(
        self, key: str, names: Names, variables: Mapping[str, Any], only: str | None = None
    ) -> BodyResult:
        body = self.options.body
        assert body is not None  # `_context` passes this method only with a body
        inner = self._inner_state(body, names, variables)
        if only is not None:
            inner["only"] = only
        await require_fit("input", inner["input"], body.input)
        with noting_variables():
            state = await body.graph.ainvoke(inner, {"recursion_limit": 10_000}, context=self.host)
        outputs = dict(state.get("outputs", {}))
        output = result_of(body.exits, outputs)
        await require_fit("output", output, body.output)
        return BodyResult(output, outputs, dict(state.get("written", {})))

    def _inner_state(self, body: Body, names: Names, variables: Mapping[str, Any]) -> Any:
        if body.is_isolated:
            given = with_defaults(names["input"], body.input)
            return {"input": given, "variables": dict(body.variables), "outputs": {}}
        state = self.state
        outer = {**state.get("outer", {}), **state.get("outputs", {})}
        return {
            "input": state.get("input", {}),
            "variables": {**_variables(state), **variables},
            "names": {**state.get("names", {}), **names},
            "outer": {**outer, "error": names["error"]} if "error" in names else outer,
            "outputs": {},
        }


def _variables(state: State) -> dict[str, Any]:
    return {**state.get("variables", {}), **state.get("written", {})}


async def run_graph(
    graph: Any,
    exits: Sequence[str],
    given: Mapping[str, Any],
    variables: Mapping[str, Any] | None = None,
    host: Host | None = None,
) -> Any:
    """Run an exported graph on an input, and return its output."""
    start = {"input": dict(given), "variables": dict(variables or {}), "outputs": {}}
    chosen = host or Host.usual()
    try:
        state = await graph.ainvoke(start, {"recursion_limit": 10_000}, context=chosen)
    finally:
        if host is None:
            await chosen.aclose()
    if state.get("__interrupt__"):
        message = "The graph waits for an answer; resume it with Command(resume=ANSWER)."
        raise NodeError("nobody-to-ask", message)
    return result_of(exits, state.get("outputs", {}))


def main(run: Callable[[Mapping[str, Any]], Coroutine[Any, Any, Any]]) -> None:
    """Run an exported graph from the command line; its input is the first argument, as JSON."""
    given = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    try:
        output = asyncio.run(run(given))
    except NodeError as problem:
        hint = problem.evidence.hint
        sys.exit(f"failed: {problem.message}" + (f"\n  hint: {hint}" if hint else ""))
    sys.stdout.write(json.dumps(output, ensure_ascii=False, indent=2) + "\n")
