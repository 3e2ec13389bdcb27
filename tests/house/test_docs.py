"""The pages that are made from the code are as the code is."""

import pytest

from fakes.places import ROOT
from flowc.server.cli.reference_pages import pages


@pytest.mark.parametrize("path", sorted(pages()))
def test_the_page_is_as_the_code_says(path: str) -> None:
    assert (ROOT / path).read_text() == pages()[path], "run `make docs`"


def test_every_node_type_diagnostic_setting_and_command_has_its_place() -> None:
    from flowc.compiler.node.registry import Registry
    from flowc.compiler.reports.explanations import explanations
    from flowc.server.settings import Settings

    made = pages()
    for kind in Registry.installed():
        assert f"## `{kind.type}`" in made["nodes/docs/node-types.md"]
    for code in explanations():
        assert f"## `{code}`" in made["compiler/docs/diagnostics.md"]
    for name in Settings.model_fields:
        assert f"`FLOWC_{name.upper()}`" in made["server/docs/settings.md"]
    for name in ("check", "run", "diff", "export", "serve"):
        assert f"## `flowc {name}" in made["server/docs/commands.md"]
