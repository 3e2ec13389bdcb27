"""The `code` node: which function is called, what is refused before the run, and what it prints."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from fakes.command import flowc
from fakes.flows import compiled, run
from fakes.models import emitted
from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.node import Context, NodeError
from flowc.nodes.data.code import Code
from flowc.nodes.data.code_problems import engine_of
from flowc.nodes.services.sandbox import Sandboxes
from flowc.nodes.services.sandbox.asteval_engine import AstevalEngine
from flowc.nodes.services.sandbox.monty_engine import MontyEngine

pytestmark = pytest.mark.asyncio(loop_scope="module")
ENGINES = ("monty", "asteval")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandboxes() -> AsyncIterator[Sandboxes]:
    made = Sandboxes((MontyEngine(), AstevalEngine()))
    yield made
    await made.aclose()


def of(code: str, mapping: Any = None, **config: Any) -> dict[str, Any]:
    given = {} if mapping is None else {"input_mapping": mapping}
    return {"nodes": [{"id": "c", "type": "code", "config": {"code": code, **given, **config}}]}


CALLED: list[tuple[str, Any, Any]] = [
    ("def main(arg1: str) -> dict:\n    return {'words': len(arg1.split())}", {"arg1": "a b"}, {"words": 2}),
    ("def handler(event):\n    return event", {"event": 1}, 1),
    ("def main(a):\n    return help(a)\n\ndef help(a):\n    return a + 1", {"a": 1}, 2),
    ("def run(a):\n    return help(a)\n\ndef help(a):\n    return a + 1", {"a": 1}, 2),
    ("def main(a):\n    return 1\n\ndef process(a):\n    return 2", {"a": 1}, 2),
    ("def main(a):\n    return 1\n\nresult = 3", {"a": 1}, 3),
    ("def twice(a):\n    return a * 2\n\nresult = twice(inputs['a'])", {"a": 2}, 4),
    ("main = lambda a: a * 2", {"a": 2}, 4),
    ("async def process(a):\n    return a", {"a": 5}, 5),
    ("import asyncio\nasync def one(a):\n    return a\nasync def main(a):\n    return await asyncio.gather(one(a), one(2))", {"a": 1}, [1, 2]),
    ("def main(**given):\n    return given", {"a": 1}, {"a": 1}),
    ("def main(a, b=2, *, c=3):\n    return [a, b, c]", {"a": 1, "c": 4}, [1, 2, 4]),
    ("def main(a):\n    return a\n\nif __name__ == '__main__':\n    main(1)", {"a": 7}, 7),
    ("def numbers(n):\n    for i in range(n):\n        if i == 2:\n            return\n        yield i\n    yield 9\n\ndef main(n):\n    return list(numbers(n))", {"n": 5}, [0, 1]),
    ("def ways():\n    yield from [1, 2]\n    yield 3\n\ndef main():\n    found = ways()\n    return [next(found), sum(found)]", {}, [1, 5]),
    ("def main():\n    return sum(n * n for n in range(4))", {}, 14),
    ("def main():\n    d = {'a': 1, 'b': 2}\n    del d['a']\n    rows = [1, 2, 3]\n    del rows[0]\n    return [d, rows]", {}, [{"b": 2}, [2, 3]]),
]  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("code", "mapping", "output"), CALLED, ids=range(len(CALLED)))
async def test_the_function_is_found(
    engine: str, code: str, mapping: Any, output: Any, sandboxes: Sandboxes
) -> None:
    if engine == "asteval" and ("**given" in code or "*, c" in code):
        pytest.skip("asteval has no such parameters")
    ran = await run(of(code, mapping, engine=engine), services={Sandboxes: sandboxes})
    assert ran.output == output


@pytest.mark.parametrize(
    ("code", "mapping", "engine", "problem"),
    [
        ("x = 1", {}, None, "neither a function `process` nor a variable `result`"),
        ("def a(x): ...\ndef b(x): ...", {}, None, "neither a function"),
        ("def f(a):\n    return a\nprint(f(1))", {}, None, "neither a function"),
        ("return {'a': 1}", {}, None, "line 1 returns a value outside a function"),
        ("def process(:", {}, None, "syntax error"),
        ("import pandas\nresult = 1", {}, None, "line 1 imports `pandas`"),
        ("def main():\n    import requests", {}, None, "line 2 imports `requests`"),
        ("from ..x import y\nresult = 1", {}, None, "imports `..x`"),
        ("import zoneinfo\nresult = 1", {}, "monty", "`monty` does not have"),
        ("import os\nresult = 1", {}, "asteval", "`asteval` does not have"),
        ("class A:\n    pass\nresult = 1", {}, "asteval", "line 1 has a class"),
        ("class A(Exception):\n    pass\nresult = 1", {}, None, "a class with a base"),
        ("def g():\n    x = yield 1\nresult = 1", {}, None, "a `yield` whose value is used"),
        ("def process(text): ...", {}, None, "`process` needs a value for 'text'"),
        ("def main(text): ...", {"txt": 1}, None, "`main` has no parameter 'txt'"),
        ("def main(a, /): ...", {}, None, "cannot be given by its name"),
        ("async def main(a): ...", {"b": 1}, None, "no parameter 'b'"),
    ],
)
async def test_what_cannot_run_is_refused(
    code: str, mapping: Any, engine: str | None, problem: str
) -> None:
    config = {} if engine is None else {"engine": engine}
    with pytest.raises(DefinitionRefused) as caught:
        compiled(of(code, mapping, **config))
    [found] = caught.value.diagnostics
    assert problem in found.message
    assert found.code == "invalid-value"


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("def a(x): ...\ndef b(x): ...", "Name the one that is called `process`"),
        ("return 1", "Put the code into `def process(...):`"),
        ("import pandas\nresult = 1", "Available: asyncio, base64"),
        ("def main(text): ...", 'Add it, for example: {text: "{{input.text}}"}.'),
    ],
)
async def test_a_refusal_says_what_to_write(code: str, hint: str) -> None:
    with pytest.raises(DefinitionRefused) as caught:
        compiled(of(code))
    assert hint in str(caught.value.diagnostics[0].hint)


async def test_a_mapping_that_is_computed_as_a_whole_is_not_checked(sandboxes: Sandboxes) -> None:
    code = "def main(a):\n    return a"
    ran = await run(of(code, "{{input}}"), {"a": 3}, {Sandboxes: sandboxes})
    assert ran.output == 3


async def test_code_that_only_asteval_can_run_is_run_there(sandboxes: Sandboxes) -> None:
    code = "from zoneinfo import ZoneInfo\nresult = ZoneInfo('Europe/Oslo').key"
    assert (engine_of(code), engine_of("result = 1")) == ("asteval", "monty")
    ran = await run(of(code), services={Sandboxes: sandboxes})
    assert ran.output == "Europe/Oslo"


@pytest.mark.parametrize("engine", ENGINES)
async def test_what_code_printed_before_it_failed_is_emitted(
    engine: str, sandboxes: Sandboxes
) -> None:
    code = "import uuid\nprint('before')\n\n\nresult = 1 / 0"
    said: list[tuple[str, Any]] = []
    context = Context(
        services={Sandboxes: sandboxes}, emit=lambda kind, data: said.append((kind, data))
    )
    node = Code.model_validate({"code": code, "engine": engine})
    with pytest.raises(NodeError, match=r"ZeroDivisionError.*\(line 5\)"):
        await node.run(context)
    assert said == [("stdout", "before\n")]


async def test_what_code_prints_is_an_event(sandboxes: Sandboxes) -> None:
    ran = await run(of("print('a', 1)\nresult = 1"), services={Sandboxes: sandboxes})
    assert emitted(ran, "stdout") == ["a 1\n"]


async def test_flowc_run_shows_what_code_prints(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(yaml.safe_dump({"id": "w", **of("print('one')\nprint('two')\nresult = 3")}))
    quiet, verbose = flowc("run", file), flowc("run", file, "-v")
    assert "one" not in quiet.stdout
    lines = [line.split() for line in verbose.stdout.splitlines()]
    assert ["│", "c", "stdout:", "one"] in lines
    assert ["│", "c", "stdout:", "two"] in lines
