"""A workflow does what its forecast shows."""

import json
from math import inf
from typing import Any

import pytest
from typer.testing import CliRunner

from fakes.flows import registry
from flowc.compiler.analysis.inference import infer
from flowc.compiler.analysis.scopes import resolve
from flowc.compiler.check import check_scope
from flowc.compiler.node import Effects
from flowc.compiler.planning.plan import Plan, make_plan
from flowc.compiler.reading.dialects import read_definition
from flowc.compiler.reading.documents import from_data
from flowc.compiler.reading.library import Library
from flowc.compiler.reports.estimates import estimate
from flowc.compiler.reports.forecast import forecast
from flowc.nodes.services.models.prices import cost_of
from flowc.server.cli import app


def plan_of(*nodes: Any, **more: Any) -> Plan:
    definition = read_definition(from_data({"nodes": list(nodes), **more}))
    flow, problems = check_scope(resolve(definition, registry(), Library()))
    assert flow is not None, problems
    return make_plan(infer(flow))


def ask(id: str, **more: Any) -> dict[str, Any]:
    config = {"prompt": "Hi", **more.pop("config", {})}
    return {"id": id, "type": "llm", "config": config, **more}


def choose(id: str, yes: str, no: str, **more: Any) -> dict[str, Any]:
    config = {"condition": "{{input.n}} > 1", "true_edge": yes, "false_edge": no}
    return {"id": id, "type": "conditional", "config": config, **more}


def calls(*nodes: Any, **more: Any) -> tuple[float, float]:
    return estimate(plan_of(*nodes, **more), lambda effects: effects.calls)


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([ask("a")], (1, 1)),
        ([ask("a"), ask("b")], (2, 2)),
        ([ask("a", config={"output_schema": {"x": "string"}})], (1, 2)),
        ([ask("a", retry={"max_attempts": 3})], (1, 3)),
        ([choose("c", "a", "b"), ask("a"), ask("b")], (1, 1)),
        (
            [
                choose("c", "a", "b"),
                ask("a"),
                choose("b", "d", "e"),
                ask("d"),
                ask("e"),
                ask("f", depends_on=["e"]),
            ],
            (1, 2),
        ),
        ([ask("a", disabled=True)], (0, 0)),
    ],
)
def test_model_calls_are_counted_over_every_way_that_branches_can_go(
    nodes: list[Any], expected: tuple[float, float]
) -> None:
    assert calls(*nodes) == expected


@pytest.mark.parametrize(
    ("kind", "config", "expected"),
    [
        ("map", {"items": [1, 2, 3]}, (3, 3)),
        ("map", {"items": "{{input.items}}"}, (0, inf)),
        ("map", {"items": [1, 2], "stop_when": "result == 1"}, (0, 2)),
        ("loop", {"for_each": [1, 2]}, (2, 2)),
        ("loop", {"while": "loop.index < 3", "max_iterations": 7}, (0, 7)),
        ("loop", {"until": "loop.index > 3"}, (1, 100)),
    ],
)
def test_what_runs_in_bodies_counts_as_often_as_they_run(
    kind: str, config: Any, expected: tuple[float, float]
) -> None:
    body = {"body": {"nodes": [ask("inner")]}}
    assert calls({"id": "x", "type": kind, "config": {**config, **body}}) == expected


def test_a_loop_through_edges_has_the_limit_of_its_closing_edge() -> None:
    nodes = [
        {"id": "s", "type": "start"},
        ask("a"),
        choose("c", "end", "a"),
        {"id": "end", "type": "end"},
    ]
    edges = [{"source": "s", "target": "a"}, {"source": "a", "target": "c"}]
    assert calls(*nodes, edges=edges) == (1, 100)
    assert calls(*nodes, edges=edges, settings={"max_turns": 7}) == (1, 7)
    bounded = [*edges, {"source": "c", "target": "a", "max_turns": 3}]
    assert calls(*nodes, edges=bounded) == (1, 3)
    assert forecast(plan_of(*nodes, edges=bounded)).as_json()["loops"] == [
        {"nodes": ["a", "c"], "max_turns": 3}
    ]


def test_order_joins_regions_and_what_is_touched_are_known() -> None:
    body = {
        "nodes": [
            {"id": "get", "type": "http", "config": {"url": "https://api.example.com/{{item}}"}},
            {
                "id": "post",
                "type": "http",
                "config": {
                    "url": "https://user@post.example.com:8443/x",
                    "headers": {"k": "{{secrets.key}}"},
                },
                "depends_on": ["get"],
            },
        ]
    }
    each = {
        "id": "each",
        "type": "map",
        "config": {"items": [1, 2], "body": body},
        "depends_on": ["a"],
    }
    both = {"id": "both", "type": "merge", "depends_on": ["each", "b"], "join": "all"}
    known = forecast(plan_of(ask("a", config={"model": "gpt-4o"}), ask("b"), each, both))
    assert known.steps == (("a", "b"), ("each",), ("both",))
    assert [(j.node, j.waits_for, j.rule) for j in known.joins] == [("both", ("each", "b"), "all")]
    assert known.regions["each"].steps == (("get",), ("post",))
    assert known.regions["each"].runs == (2, 2)
    assert known.hosts == ("https://api.example.com/{{item}}", "post.example.com:8443")
    assert known.models == ("gpt-4o", "the default model")
    assert known.secrets == ("key",)


def test_prices_are_those_of_litellms_list() -> None:
    found = cost_of(Effects(calls=(1, 2), prompt=400, values=1, max_tokens=10), "gpt-4o")
    assert found is not None
    least, most = found
    assert 0 < least < most < 0.1
    assert cost_of(Effects(), "no-such-model") is None
    assert cost_of(Effects(), "offline/echo") == (0, 0)


def test_the_command_draws_it_or_prints_json(tmp_path: Any) -> None:
    file = tmp_path / "flow.json"
    file.write_text(json.dumps({"name": "Asking", "nodes": [ask("a", config={"model": "gpt-4o"})]}))
    shown = CliRunner().invoke(app, ["check", "--explain-plan", str(file)])
    assert shown.exit_code == 0
    assert "Asking" in shown.stdout and "gpt-4o: once," in shown.stdout
    data = json.loads(
        CliRunner().invoke(app, ["check", "--explain-plan", "--json", str(file)]).stdout
    )
    [plan] = data["plans"]
    assert plan["steps"] == [["a"]]
    assert plan["model_calls"] == {"gpt-4o": [1, 1]}
    assert plan["cost_usd"]["gpt-4o"][0] < plan["cost_usd"]["gpt-4o"][1]


async def test_a_wait_lets_the_time_pass_that_it_names() -> None:
    import time

    from fakes.flows import run

    started = time.monotonic()
    ran = await run({"nodes": [{"id": "w", "type": "wait", "config": {"for": "50ms"}}]})
    assert ran.output == {"waited": 0.05}
    assert time.monotonic() - started >= 0.05
    past = {"id": "w", "type": "wait", "config": {"until": "2020-01-01T00:00:00"}}
    assert (await run({"nodes": [past]})).output == {"waited": 0.0}
