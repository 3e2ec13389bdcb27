"""Slow imports run in a thread, so that the event loop can serve others at the same time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.places import WORKFLOWS
from fakes.processes import PATIENCE

SLOW = ("litellm", "tiktoken", "chromadb", "wordllama")
# Runs a command and prints, for each slow import, whether the thread of the event loop made it.
WATCHED = f"""
import json, sys, threading
seen = {{}}

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in {SLOW}:
            seen[name] = threading.current_thread() is threading.main_thread()

sys.meta_path.insert(0, Watch())
from flowc.server.cli import main
try:
    main()
finally:
    print("\\n" + json.dumps(seen))
"""
SUPPORT = WORKFLOWS / "customer_support.yaml"
STORE = {"collection": "c", "source": "s", "chunks": [{"text": "Ships leave at noon."}]}
TYPED = {"type": "object", "properties": {"n": {"type": "integer"}}}
ASK = {"prompt": "A number?", "model": "openai/none", "output_schema": TYPED}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["ingest", "docs", "--collection", "c"], set(SLOW)),
        (["run", "store.json"], {"tiktoken", "chromadb", "wordllama"}),
        (["run", "llm.json"], {"litellm"}),
    ],
    ids=["ingest", "store", "llm"],
)
def test_the_event_loop_imports_nothing_slow(
    tmp_path: Path, command: list[str], expected: set[str]
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("Ships leave at noon.")
    for type, config in (("store", STORE), ("llm", ASK)):
        nodes = {"nodes": [{"id": "a", "type": type, "config": config}]}
        (tmp_path / f"{type}.json").write_text(json.dumps(nodes))
    done, seen = imports_of(tmp_path, command)
    assert expected <= set(seen), done.stderr
    assert not any(seen.values()), seen


def imports_of(
    folder: Path, command: list[str]
) -> tuple[subprocess.CompletedProcess[str], dict[str, bool]]:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *command],
        cwd=folder,
        env={**os.environ, "FLOWC_DATA_DIR": str(folder / "d"),
             "FLOWC_MODELS_FILE": str(SUPPORT.parent / "models.yaml")},
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    return done, json.loads(done.stdout.splitlines()[-1])


def test_offline_models_import_nothing_slow(tmp_path: Path) -> None:
    _, seen = imports_of(tmp_path, ["run", str(SUPPORT), "--input", '{"message": "hi"}'])
    assert not seen
