"""Both sandboxes, with every given case: no code gets out, and the next run is clean."""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from fakes.flows import run
from flowc.compiler.running.run_context import NodeFailed
from flowc.nodes.services.sandbox import CodeFailed, Engine, LimitReached, Sandboxes, SandboxLimits
from flowc.nodes.services.sandbox.asteval_engine import AstevalEngine
from flowc.nodes.services.sandbox.monty_engine import MontyEngine

CASES = json.loads((Path(__file__).parent / "cases" / "code_escape_cases.json").read_text())
ENGINES = {"monty": MontyEngine, "asteval": AstevalEngine}
CANARY = "canary-5d1f0a9c7b3e"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", params=sorted(ENGINES), loop_scope="module")
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    made = ENGINES[request.param]()
    yield made
    await made.aclose()


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
async def test_every_case(case: dict[str, Any], engine: Engine, tmp_path: Path) -> None:
    canary, drop = tmp_path / "canary", tmp_path / "drop"
    canary.write_text(CANARY)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        code = case["code"].replace("$CANARY_FILE", str(canary)).replace("$DROP_FILE", str(drop))
        code = code.replace("$PORT", str(listener.getsockname()[1]))
        inputs = {"x": "original"}
        async with asyncio.timeout(SandboxLimits().seconds + 60):
            outcome = await _outcome(engine, code, inputs)
        assert not _was_reached(listener)
    assert CANARY not in outcome
    assert not drop.exists()
    assert inputs == {"x": "original"}
    if case["oracle"] == "limit":
        assert len(outcome) < 2 << 20
    # The host still works, and nothing of the last run is left.
    assert (await engine.run("result = 1 + 1", {}, SandboxLimits())).value == 2
    if case["oracle"] == "fresh_state":
        assert (await engine.run("result = int('7')", {}, SandboxLimits())).value == 7


async def _outcome(engine: Engine, code: str, inputs: dict[str, Any]) -> str:
    try:
        result = await engine.run(code, inputs, SandboxLimits())
    except CodeFailed as problem:
        return str(problem)
    return json.dumps(result.value) + result.stdout


def _was_reached(listener: socket.socket) -> bool:
    listener.setblocking(False)
    try:
        listener.accept()
    except BlockingIOError:
        return False
    return True


async def test_process_gets_its_inputs_and_what_it_prints_is_returned(engine: Engine) -> None:
    code = "def process(a, b=2):\n    print('adding')\n    return {'sum': a + b}"
    result = await engine.run(code, {"a": 40}, SandboxLimits())
    assert result.value == {"sum": 42}
    assert result.stdout == "adding\n"


async def test_an_error_has_its_kind(engine: Engine) -> None:
    with pytest.raises(CodeFailed, match="ZeroDivisionError"):
        await engine.run("result = 1 / 0", {}, SandboxLimits())


async def test_a_secret_in_an_argument_is_not_in_the_error(engine: Engine) -> None:
    code = "def f(x):\n    return [][5]\ndef process(secret):\n    return f(secret)"
    with pytest.raises(CodeFailed) as caught:
        await engine.run(code, {"secret": CANARY}, SandboxLimits())
    assert CANARY not in str(caught.value)


async def test_code_is_stopped_after_its_time_and_the_next_run_works(engine: Engine) -> None:
    with pytest.raises(LimitReached):
        await engine.run("while True:\n    pass", {}, SandboxLimits(seconds=0.5))
    assert (await engine.run("result = 'ok'", {}, SandboxLimits())).value == "ok"


async def test_runs_at_the_same_time_do_not_mix(engine: Engine) -> None:
    code = "def process(n):\n    return n * n"
    results = await asyncio.gather(
        *(engine.run(code, {"n": n}, SandboxLimits()) for n in range(20))
    )
    assert [result.value for result in results] == [n * n for n in range(20)]


async def test_the_isolation_is_tested() -> None:
    sandboxes = Sandboxes((MontyEngine(), AstevalEngine()))
    found = await sandboxes.isolation()
    await sandboxes.aclose()
    assert found["monty"] == "partial"
    # How far the system's locks work depends on the kernel and the container.
    assert found["asteval"] in {"full", "partial"}


async def test_the_worker_has_an_empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWC_CANARY", CANARY)
    engine = AstevalEngine(workers=1)
    await engine.run("result = 1", {}, SandboxLimits())
    process = engine._free[0]._process
    environment = Path(f"/proc/{process.pid}/environ").read_bytes()
    assert CANARY.encode() not in environment
    assert os.environ["FLOWC_CANARY"] == CANARY
    await engine.aclose()


@pytest.mark.parametrize("engine_name", sorted(ENGINES))
async def test_a_code_node_fails_with_its_reason(engine_name: str) -> None:
    sandboxes = Sandboxes((MontyEngine(), AstevalEngine()))
    config = {"code": "def process():\n    return 1 / 0", "engine": engine_name}
    with pytest.raises(NodeFailed, match="ZeroDivisionError") as caught:
        await run(
            {"nodes": [{"id": "c", "type": "code", "config": config}]},
            services={Sandboxes: sandboxes},
        )
    await sandboxes.aclose()
    assert caught.value.code == "code-failed"
