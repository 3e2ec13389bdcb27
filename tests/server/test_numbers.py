"""One rule for numbers, from the request to the checkpoint and back: 256 bits, or a code."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.processes import serving
from fakes.runs_api import API
from flowc.compiler.node.registry import Registry
from flowc.server.engine.wide_integers import WideSerializer
from flowc.server.process.process import Process, open_process
from flowc.server.records.runs import RunRecord
from flowc.server.settings import Settings
from flowc.server.store.runs.stored_runs import WantedInterrupts

WIDE = 10**30
EDGES = [2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 2**256 - 1, 1 - 2**256]


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[Process]:
    settings = Settings(data_dir=tmp_path, poll_seconds=0.05)
    async with AsyncExitStack() as stack:
        yield await open_process(settings, Registry.installed(), stack, works=True)


def compute(id: str, expression: str, *after: str) -> dict[str, Any]:
    config = {"data": None, "expression": expression}
    return {"id": id, "type": "transform", "depends_on": list(after), "config": config}


BODY = {"nodes": [compute("w", "item + 1")]}
CODE = "def process(n):\n    return {'n': n * n}\n"
SHAPES: dict[str, tuple[list[Any], Any]] = {
    "expression": ([compute("a", "input.n * 1000"), compute("b", "a.output + 1", "a")], WIDE * 1000 + 1),
    "variable": (
        [
            {"id": "s", "type": "set", "config": {"variables": {"v": "{{input.n}}"}}},
            compute("b", "variables.v - 1", "s"),
        ],
        WIDE - 1,
    ),
    "map": (
        [
            {"id": "m", "type": "map", "config": {"items": EDGES[:-2], "body": BODY}},
            compute("z", "m.output.results", "m"),
        ],
        [edge + 1 for edge in EDGES[:-2]],
    ),
    "code": (
        [
            {"id": "c", "type": "code", "config": {"code": CODE, "input_mapping": {"n": "{{input.n}}"}}},
            compute("z", "c.output.n", "c"),
        ],
        WIDE * WIDE,
    ),
    "text": ([compute("a", "input.n"), {"id": "t", "type": "template", "depends_on": ["a"], "config": {"template": "{{a.output}}"}}], {"text": str(WIDE)}),
}  # fmt: skip


@pytest.mark.parametrize("granularity", ["auto", "node", "fused"])
@pytest.mark.parametrize("shape", SHAPES)
async def test_whole_numbers_of_256_bits_stay_exact(
    process: Process, shape: str, granularity: str
) -> None:
    nodes, expected = SHAPES[shape]
    definition = {"nodes": nodes, "settings": {"granularity": granularity}, "variables": {"v": 0}}
    run = await process.default.runs.execute(
        await process.default.workflows.compile(definition), {"n": WIDE}
    )
    stored = await process.default.stored_runs.get(run.id)
    assert (stored.status, stored.error, stored.output) == ("completed", None, expected)


async def test_an_answer_and_what_is_shown_with_its_question_stay_exact(process: Process) -> None:
    form = {"form": {"n": "integer"}, "data": {"big": "{{input.n}}"}}
    nodes = [{"id": "h", "type": "human", "config": form}, compute("z", "h.output.n + 1", "h")]
    compiled = await process.default.workflows.compile({"nodes": nodes})
    run = await process.default.runs.execute(compiled, {"n": WIDE})
    [asked] = await process.default.stored_runs.interrupts(
        WantedInterrupts(run_id=run.id, status="waiting")
    )
    assert asked.data["data"] == {"big": WIDE}
    await process.default.runs.answer(asked.id, {"n": WIDE * 7})
    done: RunRecord = await process.default.runs.at_rest(run.id)
    assert (done.status, done.output) == ("completed", WIDE * 7 + 1)


async def test_a_number_that_is_too_large_is_refused_with_a_code(process: Process) -> None:
    nodes = [compute("a", "input.n * input.n * input.n")]
    run = await process.default.runs.execute(
        await process.default.workflows.compile({"nodes": nodes}), {"n": WIDE}
    )
    assert (run.status, run.error and run.error["code"]) == ("failed", "expression-failed")


@pytest.mark.parametrize("value", [*EDGES, 0, -1, 1.5, -0.0, True, None, "x", 10**22 * 1.0])
async def test_a_number_alone_is_stored_as_it_is(process: Process, value: Any) -> None:
    compiled = await process.default.workflows.compile({"nodes": [compute("a", "input.n")]})
    run = await process.default.runs.execute(compiled, {"n": value})
    stored = await process.default.stored_runs.get(run.id)
    assert (repr(stored.output), repr(stored.input)) == (repr(value), repr({"n": value}))


@pytest.mark.parametrize("value", [EDGES, {"a": [{"b": WIDE}]}, [WIDE, "x"], [1, 2.5, None, "x"]])
def test_a_checkpoint_returns_what_was_stored(value: Any) -> None:
    serializer = WideSerializer(allowed_msgpack_modules=None)
    assert serializer.loads_typed(serializer.dumps_typed(value)) == value


def test_what_is_no_value_of_a_checkpoint_is_still_refused() -> None:
    with pytest.raises(TypeError):
        WideSerializer(allowed_msgpack_modules=None).dumps_typed({"f": object()})


@pytest.mark.parametrize("path", [
    "files?offset={n}", "runs/r/logs?after={n}", "runs/r/events?after={n}",
    "threads/t/messages?after={n}", "knowledge/collections/c/passages?source=s&after={n}",
    "workflows/w/diff?old={n}&new=1",
])  # fmt: skip
def test_a_number_in_an_address_that_no_database_has_is_refused(
    path: str, api: httpx.Client
) -> None:
    for number in (2**31, 2**63, 2**64):
        response = api.get(f"{API}/{path.format(n=number)}")
        assert response.status_code in {404, 422}, response.text
        if response.status_code == 422:
            assert response.json()["error"]["code"] == "invalid-request"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with serving(tmp_path_factory.mktemp("data")) as (client, _):
        yield client


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e400", str(2**256), '"\\ud800"']
)
def test_what_is_no_plain_json_is_refused_in_an_input(number: str, api: httpx.Client) -> None:
    nodes = '{"nodes": [{"id": "s", "type": "start"}]}'
    body = f'{{"definition": {nodes}, "input": {{"n": {number}}}}}'
    headers = {"content-type": "application/json"}
    response = api.post(f"{API}/workflows/execute", content=body, headers=headers)
    assert 400 <= response.status_code < 500, response.text
