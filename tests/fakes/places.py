"""Paths of the checkout's folders and of the files that tests use."""

from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
TESTS = ROOT / "tests"
NOTEBOOKS = ROOT / "notebooks"
WORKFLOWS = NOTEBOOKS / "workflows"
MODELS = WORKFLOWS / "models.yaml"
DEFINITIONS = TESTS / "compiler" / "definitions"
