"""What does a graph use that `flowc export` wrote? Node types, expressions, joins: no compiler.

A written graph is plain LangGraph. Each of its nodes says `run_node(...)`, which fills in what is
computed, tries the node type as often as it may be, and returns what the node did.
"""

import json
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypedDict

from pydantic import ValidationError

from flowc.compiler.attempts import tried, within
from flowc.compiler.definition import NodeDefinition, RetryPolicy
from flowc.compiler.expressions import (
    ExpressionError,
    compile_condition,
    compile_formula,
    compile_template,
)
from flowc.compiler.graph import DONE, ERROR, Edge, Graph
from flowc.compiler.node import BodyResult, Context, Formula, Node, NodeError, Outcome, no_body
from flowc.compiler.plain import NotPlain, require_plain
from flowc.compiler.redaction import Redactor
from flowc.compiler.schemas import problems_of
from flowc.compiler.settlement import Settlement, arrive, merge_edges, settle
from flowc.compiler.wiring import Wiring, wire_up
from flowc.nodes.services.egress import EgressPolicy, HttpClient
from flowc.nodes.services.models import Models, read_models_file
from flowc.nodes.services.sandbox import Sandboxes
from flowc.nodes.services.sandbox.monty_engine import MontyEngine

Names = Mapping[str, Any]
OFFLINE = "offline/echo"
MAX_VALUES, MAX_TEXT = 400_000, 8_000_000


def _latest(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> dict[str, Any]:
    return {**(old or {}), **new}


def _settled(old: Mapping[str, Any] | None, new: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return merge_edges(old or {}, new)


class State(TypedDict, total=False):
    """A run's state; in a body, `names` are of its turn, `outer` is what nodes round it gave."""

    input: dict[str, Any]
    variables: dict[str, Any]
    names: dict[str, Any]
    outer: dict[str, Any]
    outputs: Annotated[dict[str, Any], _latest]
    written: Annotated[dict[str, Any], _latest]
    edges: Annotated[dict[str, Any], _settled]


def _secret_variable(name: str) -> str | None:
    return os.environ.get(f"FLOWC_SECRET_{name.upper()}")


@dataclass(frozen=True)
class Host:
    """What the nodes are offered; secrets are looked up as FLOWC_SECRET_NAME."""

    run_id: str = "run"
    workflow: str = "workflow"
    services: Mapping[type, Any] = field(default_factory=dict)
    secret: Callable[[str], str | None] = _secret_variable

    @classmethod
    def usual(cls) -> "Host":
        """Return a host with models, HTTP and the code sandbox.

        FLOWC_MODELS_FILE and FLOWC_DEFAULT_MODEL say which models there are.
        """
        file = os.environ.get("FLOWC_MODELS_FILE")
        aliases = read_models_file(Path(file)) if file else {}
        models = Models(aliases, default_model=os.environ.get("FLOWC_DEFAULT_MODEL", OFFLINE))
        services: list[Any] = [models, HttpClient(EgressPolicy()), Sandboxes((MontyEngine(),))]
        return cls(services={type(service): service for service in services})


@dataclass(frozen=True)
class Body:
    """A graph that a node runs; `exits` are the nodes whose output is its own.

    An isolated one is a workflow of its own: it sees its input alone.
    """

    graph: Any
    exits: tuple[str, ...]
    is_isolated: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)
    input: Mapping[str, Any] | None = None
    output: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Options:
    """What a node's author said of failures and secrets, and of the data that flows to it."""

    retry: Mapping[str, Any] = field(default_factory=lambda: {"max_attempts": 1})
    timeout: float | None = None
    copes: bool = False
    output_on_error: Any = None
    goes_on_error: bool = False
    secrets: tuple[str, ...] = ()
    data_from: tuple[str, ...] = ()
    body: Body | None = None


@dataclass(frozen=True)
class Done:
    """What a node did: what to write to the state, and the branch it chose."""

    update: dict[str, Any]
    branch: str | None = None


def template(source: str, names: Names) -> Any:
    """Return a text with its `{{...}}` filled in; one that stands alone keeps its JSON type."""
    return compile_template(source).evaluate(names)


def condition(source: str, names: Names) -> bool:
    """Return whether a condition holds."""
    return bool(compile_condition(source).evaluate(names))


def formula(source: str, names: Names) -> Formula:
    """Return an expression that a node evaluates itself, with names of its own."""
    return Formula(compile_formula(source), names)


def formula_condition(source: str, names: Names) -> Formula:
    """Return a condition that a node looks at itself, with names of its own."""
    return Formula(compile_condition(source), names)


async def run_node(
    name: str,
    make: Callable[[Names], Node],
    state: State,
    host: Host | None,
    options: Options = Options(),
) -> Done:
    """Fill in a node and run it; raise NodeError if it fails and is not to go on then."""
    host = host or Host()
    secrets = {key: value for key in options.secrets if (value := host.secret(key)) is not None}
    work = _Work(name, state, host, options, secrets, Redactor(secrets.values()))
    try:
        outcome = await work.run(make)
    except NodeError as problem:
        if not options.copes:
            raise
        message = work.redactor.text(problem.message)
        said = {"node": name, "code": problem.code, "message": message}
        error = {**said, "attempts": work.attempts}
        if options.goes_on_error:
            return Done({"outputs": {"error": error}}, ERROR)
        return Done({"outputs": {name: options.output_on_error, "error": error}})
    update: dict[str, Any] = {"outputs": {name: outcome.output}}
    if outcome.variables:
        update["written"] = dict(outcome.variables)
    return Done(update, outcome.branch or (DONE if options.goes_on_error else None))


@dataclass
class _Work:
    name: str
    state: State
    host: Host
    options: Options
    secrets: Mapping[str, str]
    redactor: Redactor
    attempts: int = 0

    async def run(self, make: Callable[[Names], Node]) -> Outcome:
        try:
            node = make(self._names())
            return await tried(
                RetryPolicy.model_validate(self.options.retry),
                partial(self._attempt, node),
                lambda problem, delay: None,
            )
        except NodeError:
            raise
        except ExpressionError as problem:
            text = str(problem)
            raise NodeError("expression-failed", f"{text[:1].upper()}{text[1:]}.") from None
        except ValidationError as problem:
            message = f"The configuration is wrong once it is filled in: {problem}."
            raise NodeError("invalid-configuration", message) from None
        except Exception as problem:
            # What a node type did not foresee may hold anything; only its kind is shown.
            message = f"The node broke: {type(problem).__name__}."
            raise NodeError("node-broke", message) from None

    async def _attempt(self, node: Node) -> Outcome:
        self.attempts += 1
        work: Callable[[], Awaitable[Any]] = partial(node.run, self._context())
        if self.options.timeout is not None:
            work = partial(within, self.options.timeout, work)
        result = await work()
        outcome = result if isinstance(result, Outcome) else Outcome(result)
        output, variables = self.redactor.json([outcome.output, dict(outcome.variables)])
        try:
            require_plain([output, variables], max_values=MAX_VALUES, max_text=MAX_TEXT)
        except NotPlain as problem:
            raise NodeError("output-not-plain", f"The output cannot be kept: {problem}") from None
        return Outcome(output, outcome.branch, variables)

    def _context(self) -> Context:
        return Context(
            run_id=self.host.run_id,
            node_id=self.name,
            attempt=self.attempts,
            input=self.state.get("input", {}),
            services=self.host.services,
            variables=_variables(self.state),
            run_body=self._run_body if self.options.body is not None else no_body,
        )

    def _names(self) -> Names:
        state = self.state
        given = {**state.get("outer", {}), **state.get("outputs", {})}
        nodes = {name: {"output": output} for name, output in given.items() if name != "error"}
        names = {
            **state.get("names", {}),
            "nodes": nodes,
            **nodes,
            "input": state.get("input", {}),
            "variables": _variables(state),
            "run": {"id": self.host.run_id, "workflow": self.host.workflow},
            "secrets": self.secrets,
            "incoming": _incoming(self.options.data_from, given, state.get("input", {})),
        }
        if "error" in given:
            names["error"] = given["error"]
        if "input" in nodes:
            names["input"] = {**state.get("input", {}), **nodes["input"]}
        return names

    async def _run_body(self, key: str, names: Names, variables: Mapping[str, Any]) -> BodyResult:
        body = self.options.body
        assert body is not None  # asked for with one only
        inner = self._inner_state(body, names, variables)
        _require_fit("input", inner["input"], body.input)
        state = await body.graph.ainvoke(inner, {"recursion_limit": 10_000}, context=self.host)
        outputs = dict(state.get("outputs", {}))
        output = result_of(body.exits, outputs)
        _require_fit("output", output, body.output)
        return BodyResult(output, outputs, dict(state.get("written", {})))

    def _inner_state(self, body: Body, names: Names, variables: Mapping[str, Any]) -> Any:
        if body.is_isolated:
            return {"input": names["input"], "variables": dict(body.variables), "outputs": {}}
        state = self.state
        return {
            "input": state.get("input", {}),
            "variables": {**_variables(state), **variables},
            "names": {**state.get("names", {}), **names},
            "outer": {**state.get("outer", {}), **state.get("outputs", {})},
            "outputs": {},
        }


def _variables(state: State) -> dict[str, Any]:
    return {**state.get("variables", {}), **state.get("written", {})}


def _incoming(sources: Sequence[str], given: Mapping[str, Any], input: Mapping[str, Any]) -> Any:
    """Return the data that flows to a node: one node's output, or several by id."""
    if len(sources) == 1 and sources[0] in given:
        return given[sources[0]]
    found = {name: given[name] for name in sources if name in given}
    return found if sources else dict(input)


def _require_fit(what: str, value: Any, schema: Mapping[str, Any] | None) -> None:
    for path, sentence in problems_of(value, dict(schema)) if schema else ():
        where = ".".join(map(str, path)) or what
        message = f"The {what} does not fit the sub-workflow: {where}: {sentence}."
        raise NodeError(f"{what}-does-not-fit", message)


def result_of(exits: Sequence[str], outputs: Mapping[str, Any]) -> Any:
    """Return a run's output: that of the exit that ran, or by node if several did."""
    ran = [name for name in exits if name in outputs]
    if len(ran) == 1:
        return outputs[ran[0]]
    return {name: outputs[name] for name in ran}


class Joins:
    """Joins that LangGraph's edges cannot express: each node runs once all its edges are settled.

    `edges` are (source, target) or (source, target, branches); the nodes of `join_all` run only if
    all their edges are live. A node visits when it is woken, and says where to go on.
    """

    def __init__(
        self,
        entries: Sequence[str],
        edges: Sequence[tuple[str, str] | tuple[str, str, Sequence[str]]],
        join_all: Sequence[str] = (),
    ) -> None:
        made = tuple(Edge(e[0], e[1], frozenset(e[2]) if len(e) > 2 else None) for e in edges)
        ends = [name for edge in made for name in (edge.source, edge.target)]
        ids = dict.fromkeys([*entries, *ends])
        nodes = {
            name: NodeDefinition(id=name, type="", join="all" if name in join_all else "any")
            for name in ids
        }
        self._wiring: Wiring = wire_up(Graph(nodes, made, tuple(entries)))

    async def visit(
        self, name: str, state: State, work: Callable[[], Awaitable[Done]]
    ) -> tuple[dict[str, Any], list[str]]:
        """Run a node if its turn has come; return what to write, and the nodes to wake."""
        edges, wire = state.get("edges", {}), self._wiring.wires[name]
        arrival = arrive(self._wiring, wire, edges)
        if not arrival.runs:
            return _step({}, [arrival])
        done = await work()
        now = merge_edges(edges, [arrival.edges])
        return _step(done.update, [arrival, settle(self._wiring, wire, done.branch, now)])


def _step(update: dict[str, Any], steps: Sequence[Settlement]) -> tuple[dict[str, Any], list[str]]:
    news = [step.edges for step in steps if step.edges]
    goto = list(dict.fromkeys(name for step in steps for name in step.wake))
    return ({**update, "edges": news} if news else update), goto


async def run_graph(
    graph: Any,
    exits: Sequence[str],
    given: Mapping[str, Any],
    variables: Mapping[str, Any] | None = None,
    host: Host | None = None,
) -> Any:
    """Run a written graph on an input, and return its output."""
    start = {"input": dict(given), "variables": dict(variables or {}), "outputs": {}}
    chosen = host or Host.usual()
    state = await graph.ainvoke(start, {"recursion_limit": 10_000}, context=chosen)
    return result_of(exits, state.get("outputs", {}))


def main(run: Callable[[Mapping[str, Any]], Awaitable[Any]]) -> None:
    """Run a written graph from the command line: its input is the first argument, as JSON."""
    import asyncio  # noqa: PLC0415
    import sys  # noqa: PLC0415

    given = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    try:
        output = asyncio.run(_awaited(run(given)))
    except NodeError as problem:
        sys.exit(f"failed: {problem.message}")
    sys.stdout.write(json.dumps(output, ensure_ascii=False, indent=2) + "\n")


async def _awaited(work: Awaitable[Any]) -> Any:
    return await work
