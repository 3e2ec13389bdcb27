"""The page of constructs names tests that exist, and every type that has another name."""

import re

import pytest

from fakes.places import ROOT
from flowc.compiler.reading.familiar import FAMILIAR

PAGE = (ROOT / "compiler" / "docs" / "constructs.md").read_text()
ROWS = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| ")][1:]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][2:60])
def test_a_row_names_a_test_that_exists(row: list[str]) -> None:
    file, name = re.findall(r"`(tests/[\w/]+\.\w+)::(\w+)", row[-1])[0]
    text = (ROOT / file).read_text()
    assert re.search(rf"^(async )?def {name}\(|^test\(.*{name}", text, re.MULTILINE)


def test_every_other_name_has_a_row() -> None:
    assert {word for word in FAMILIAR if f"`{word}`" not in PAGE} == set()
