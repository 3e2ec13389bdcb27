"""The wheel has what users need, and asks for no package of ours that only developers need."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fakes.places import ROOT, WORKFLOWS
from fakes.processes import PATIENCE

SOURCES = ("compiler", "nodes", "rag", "server")
PROJECT: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
# The developers' tests use them, as users' programs do.
ALSO_FOR_USERS = {"psycopg"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    # The pages are not built for it: `tests/ui` looks at a wheel that has them.
    env = {**os.environ, "HATCH_BUILD_NO_HOOKS": "true"}
    done = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    [file] = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return message_from_bytes(archive.read(name))


def required(metadata: Message, extra: str = "") -> set[str]:
    """Return the packages that an extra asks for, without versions."""
    found = map(Requirement, metadata.get_all("Requires-Dist", []))
    return {
        canonicalize_name(each.name)
        for each in found
        if (
            f"extra == '{extra}'" in str(each.marker).replace('"', "'")
            if extra
            else "extra" not in str(each.marker)
        )
    }


def test_it_has_all_files_of_the_four_parts_and_no_others(wheel: Path) -> None:
    written = {
        str(file.relative_to(ROOT / part))
        for part in SOURCES
        for file in (ROOT / part / "flowc").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    with ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == written


def test_without_extras_it_asks_for_no_server_no_models_and_no_documents(
    metadata: Message,
) -> None:
    large = {"chromadb", "dbos", "fastapi", "litellm", "numpy", "onnxruntime", "sqlalchemy"}
    assert not required(metadata) & large
    assert {"langgraph", "pydantic", "typer"} <= required(metadata)


def test_no_extra_has_a_package_for_development(metadata: Message) -> None:
    groups = PROJECT["dependency-groups"]["dev"]
    dev = {canonicalize_name(Requirement(each).name) for each in groups} - ALSO_FOR_USERS
    extras = metadata.get_all("Provides-Extra", [])
    assert set(extras) == {"models", "server", "documents", "rag", "ocr", "all"}
    for extra in ["", *extras]:
        assert not required(metadata, extra) & dev, extra


def test_all_is_the_sum_of_the_others(metadata: Message) -> None:
    parts = ("models", "server", "documents", "rag", "ocr")
    assert required(metadata, "all") == set().union(*(required(metadata, each) for each in parts))


def test_it_needs_no_checkout(wheel: Path, tmp_path: Path) -> None:
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    script = "import flowc.server, sys; print(flowc.server.__file__, file=sys.stderr)"
    script += "; from flowc.server.cli import main; main()"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            script,
            "run",
            str(WORKFLOWS / "customer_support.yaml"),
            "--input",
            '{"message": "Hi"}',
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(tmp_path / "installed"),
            "FLOWC_MODELS_FILE": str(WORKFLOWS / "models.yaml"),
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(str(tmp_path / "installed"))
    assert re.search(r"tokens in 2 model call\(s\)", done.stdout)
