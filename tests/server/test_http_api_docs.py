"""The examples of server/docs/http-api.md run in order, as pasted, and show what the page shows."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any, NamedTuple

import pytest

from fakes.places import ROOT
from fakes.processes import PATIENCE, free_port
from flowc.server.api.errors import documented_codes

PAGE = ROOT / "server/docs/http-api.md"
MARK = "=== exit status"
TOOLS = ("bash", "curl", "jq", "openssl")


class Example(NamedTuple):
    """A block of the page that is run, and the block after it that shows its output."""

    code: str
    shown: str
    language: str


def examples() -> list[Example]:
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    found: list[Example] = []
    for language, text in blocks:
        if language == "sh":
            found.append(Example(text, "", ""))
        elif language == "python":
            found.append(Example(f"python3 - <<'PYTHON'\n{text}PYTHON\n", "", ""))
        else:
            assert found[-1].language == "", f"two outputs of one example: {text}"
            found[-1] = found[-1]._replace(shown=text, language=language)
    return found


EXAMPLES = examples()


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, int]]:
    """Run all examples in one shell; return the output and exit status of each."""
    missing = [tool for tool in TOOLS if which(tool) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} must be installed")
    folder = tmp_path_factory.mktemp("page")
    marked = [f'{example.code}echo "\n{MARK} $?"\n' for example in EXAMPLES]
    (folder / "page.sh").write_text("".join(marked))
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        # The shell changes its folder.
        "PYTHONPATH": os.pathsep.join(map(os.path.abspath, filter(None, sys.path))),
        "PORT": str(free_port()),
        "TMPDIR": str(folder),
        "FLOWC_WARM_MODELS": "false",
        "FLOWC_AUTH": "on",
    }
    with (folder / "out").open("wb") as out:
        # A session of its own, so that its server ends with it.
        shell = subprocess.Popen(
            ["bash", str(folder / "page.sh")],
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        shell.wait(timeout=PATIENCE)
    finally:
        _end(shell)
    text = (folder / "out").read_text()
    parts = re.split(rf"\n{MARK} (\d+)\n", text)
    return [(output, int(status)) for output, status in zip(parts[::2], parts[1::2], strict=False)]


def _end(shell: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(shell.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    shell.wait()


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_of_the_page_shows_what_the_page_says(
    outputs: list[tuple[str, int]], number: int
) -> None:
    example = EXAMPLES[number]
    assert number < len(outputs), f"the page stopped at: {EXAMPLES[len(outputs)].code}"
    output, status = outputs[number]
    assert status == 0, f"{example.code}\n{output}"
    problems = list(differences(example, output))
    assert not problems, f"{example.code}\n{output}\n{problems}"


def differences(example: Example, output: str) -> Iterator[str]:
    if example.language == "json":
        yield from missing_in(json.loads(example.shown), json.loads(output))
        return
    assert example.language in {"text", ""}
    rest = iter(output.splitlines())
    for line in example.shown.splitlines():
        if not any(matches(line, each) for each in rest):
            yield f"no line {line!r}"


def missing_in(shown: Any, actual: Any, at: str = "$") -> Iterator[str]:
    """Yield where an output lacks what is shown; `…` in a text stands for anything."""
    match shown, actual:
        case dict(), dict():
            yield from (f"{at}.{name} is missing" for name in shown.keys() - actual.keys())
            for name in shown.keys() & actual.keys():
                yield from missing_in(shown[name], actual[name], f"{at}.{name}")
        case list(), list() if len(shown) == len(actual):
            for index, (one, other) in enumerate(zip(shown, actual, strict=True)):
                yield from missing_in(one, other, f"{at}[{index}]")
        case str(), str() if matches(shown, actual):
            pass
        case _ if shown != actual:
            yield f"{at} is {actual!r}, not {shown!r}"


def matches(shown: str, actual: str) -> bool:
    pattern = ".*".join(map(re.escape, shown.split("…")))
    return re.fullmatch(pattern, actual, re.DOTALL) is not None


def test_the_page_names_every_code_of_an_error() -> None:
    text = PAGE.read_text()
    rows = dict(re.findall(r"^\| (\d{3}) \| (.*) \|$", text, re.MULTILINE))
    for status, code in documented_codes():
        assert f"`{code}`" in rows[str(int(status))]


def test_a_difference_is_found_wherever_it_is() -> None:
    shown = {"a": [{"b": "x…"}], "c": 1}
    assert not list(missing_in(shown, {"a": [{"b": "xyz", "d": 2}], "c": 1, "e": 3}))
    assert list(missing_in(shown, {"a": [{"b": "yz"}], "c": 1})) == ["$.a[0].b is 'yz', not 'x…'"]
    assert list(missing_in(shown, {"a": []})) == [
        "$.c is missing",
        "$.a is [], not [{'b': 'x…'}]",
    ]
