"""The README of the documents' library shows code that works, and its output."""

import re
import subprocess
import sys
from pathlib import Path

from fakes.places import ROOT
from flowc.rag.reading.formats import FORMATS

README = (ROOT / "rag" / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_example_prints_what_the_readme_shows(tmp_path: Path) -> None:
    example, *others = blocks("python")
    [shown] = blocks("text")
    command = [sys.executable, "-c", example]
    printed = [
        subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert printed[0].strip() == shown.strip()
    first_line = printed[1].splitlines()[0]
    assert f"`{first_line}`" in README
    for other in others:
        compile(other, "README.md", "exec")


def test_every_format_is_in_the_table_of_the_readme() -> None:
    rows = [line.split("|") for line in README.splitlines() if line.startswith("| `")]
    listed = [(row[1].strip(), row[2].strip()) for row in rows if len(row) == 6]
    assert listed == [
        (f"`{format.name}`", ", ".join(f"`{suffix}`" for suffix in format.suffixes) or "by content")
        for format in FORMATS
    ]
