"""What the README shows is true."""

import re

from fakes.flows import compiled, registry, run
from fakes.places import ROOT
from flowc.compiler.check import check_workflow
from flowc.compiler.diagnostics import render
from flowc.compiler.reading.documents import read_text
from flowc.nodes.services.models import Models

README = (ROOT / "README.md").read_text()
[EXAMPLE] = re.findall(r"```yaml\n# support\.yaml\n(.*?)```", README, re.DOTALL)


async def test_the_example_runs_as_shown() -> None:
    ran = await run(compiled(EXAMPLE), {"message": "A technical fault"}, {Models: Models()})
    assert ran.output["text"] in README
    assert list(ran.times()) == re.findall(r"✓ (\w+)", README)
    assert list(ran.times("node.skipped")) == re.findall(r"- (\w+) +skipped", README)


def test_the_mistake_is_told_as_shown() -> None:
    text = "# support.yaml\n" + EXAMPLE.replace("{{classify.", "{{clasify.")
    found = check_workflow(read_text(text, "support.yaml"), registry())
    shown = [line.strip() for line in render(found).splitlines()]
    assert shown
    for line in shown:
        assert line in README
