"""The example workflows pass their cases, which `flowc test` runs without a key or a network."""

import json

from fakes.command import flowc_here
from fakes.places import ROOT

EXAMPLES = ROOT / "notebooks" / "workflows"


def test_the_cases_of_the_examples_pass() -> None:
    models = EXAMPLES / "models.yaml"
    done = flowc_here("test", str(EXAMPLES), "--json", FLOWC_MODELS_FILE=str(models))
    assert done.returncode == 0, done.stdout + done.stderr
    files = {case["file"].rpartition("/")[2] for case in json.loads(done.stdout)["cases"]}
    assert {"supervisor.test.yaml", "swarm.test.yaml"} <= files
