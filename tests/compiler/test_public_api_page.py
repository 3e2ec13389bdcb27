"""The page of the public API names what the modules export, and its examples run."""

import re
import subprocess
import sys

import pytest

import flowc.compiler
import flowc.compiler.node
from fakes.places import ROOT

PAGE = (ROOT / "compiler/docs/public-api.md").read_text()


@pytest.mark.parametrize("module", [flowc.compiler, flowc.compiler.node])
def test_every_exported_name_is_on_the_page(module: object) -> None:
    shown = set(re.findall(r"`(\w+)", PAGE))
    internal = {"PER_ITEM"}
    assert set(module.__all__) - internal <= shown  # type: ignore[attr-defined]


def test_the_examples_run_in_order() -> None:
    program = "\n".join(re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")
