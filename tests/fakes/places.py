"""Where the parts of the checkout are."""

from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
TESTS = ROOT / "tests"
NOTEBOOKS = ROOT / "notebooks"
WORKFLOWS = NOTEBOOKS / "workflows"
MODELS = WORKFLOWS / "models.yaml"
DEFINITIONS = TESTS / "compiler" / "definitions"
